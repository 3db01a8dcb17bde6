// `npm run bench -- NAME [arguments]`: runs the benchmark of a room. Build first (`npm run build`).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const mains = {
  control: 'services/standalone/dist/bench/main.js',
  judge: 'packages/judge/dist/bench/main.js',
  router: 'services/router/dist/bench/main.js',
  statistics: 'packages/statistics/dist/bench/main.js',
};

const [name, ...rest] = process.argv.slice(2);
const main = Object.hasOwn(mains, name ?? '') ? mains[name] : undefined;
if (main === undefined) {
  console.error(
    `${name === undefined ? 'no benchmark was named' : `there is no benchmark "${name}"`}; known: ${Object.keys(mains).join(', ')}`,
  );
  process.exit(2);
}
const path = fileURLToPath(new URL(`../${main}`, import.meta.url));
if (!existsSync(path)) {
  console.error(`${main} is not built; run "npm run build" first`);
  process.exit(2);
}
process.exit(spawnSync(process.execPath, [path, ...rest], { stdio: 'inherit' }).status ?? 1);
