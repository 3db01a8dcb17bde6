import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';

/** Every test by its name in the sources; those across rooms come first, because they take longest. */
export async function everyTest() {
  const rooms = ['packages', 'services', 'examples'].flatMap((ground) => readdirSync(ground).map((room) => join(ground, room, 'src')));
  const found = await Promise.all(['test', 'pipelines/src', ...rooms.filter(existsSync)].map(filesIn));
  return found.flat().filter((path) => path.endsWith('.test.ts'));
}

/**
 * Makes tests run on what is built, without a loader in each process, which takes more than most tests do: a test in a room's `src`
 * becomes a file of its `dist`, and `test/` becomes `dist/`, so that a path relative to a file stays true. Types are another task.
 * What is already as it should be is left alone, so that tests which run meanwhile do not feel it.
 */
export async function compileTests() {
  const across = await filesIn('test');
  const sources = new Set([...across.filter((path) => path.endsWith('.ts')), ...(await everyTest())]);
  const { outputFiles } = await build({
    entryPoints: [...sources].map((path) => ({ in: path, out: compiledName(path).replace(/\.js$/, '') })),
    outdir: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'error',
    write: false,
    // Each file stays one: an import of a source becomes one of what is made of it.
    bundle: true,
    plugins: [{ name: 'file by file', setup: ({ onResolve }) => onResolve({ filter: /./ }, fileByFile) }],
  });
  const wanted = new Map(outputFiles.map(({ path, contents }) => [relative('.', path), Buffer.from(contents)]));
  for (const path of across) if (!path.endsWith('.ts')) wanted.set(compiledName(path), await readFile(path));
  for (const path of existsSync('dist') ? await filesIn('dist') : []) if (!wanted.has(path)) await rm(path);
  for (const [path, contents] of wanted) {
    if (existsSync(path) && contents.equals(await readFile(path))) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, contents);
  }
}

/** The file that a test is compiled to. */
export function compiledName(path) {
  return path
    .replace(/^test\//, 'dist/')
    .replace('/src/', '/dist/')
    .replace(/\.ts$/, '.js');
}

function fileByFile({ kind, path }) {
  if (kind === 'entry-point') return undefined;
  return { path: path.startsWith('.') ? path.replace('/src/', '/dist/').replace(/\.ts$/, '.js') : path, external: true };
}

async function filesIn(folder) {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.sort();
}
