import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alarmHistory, webhookAlerts } from '@haldane/alerts';
import { systemClock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { metricSources } from '@haldane/metrics';
import { receiverKinds } from '@haldane/notifiers';
import { liveSources, manifestPipeline } from '@haldane/pipelines';
import { platforms } from '@haldane/platforms';
import { MemoryAccount } from '@haldane/platforms/aws-testing';
import { reports } from '@haldane/reports';
import { scenarios } from '@haldane/scenarios';
import { after, type Test, test } from 'tap';
import { known } from '../../services/runner/src/known.ts';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { asItself } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';

allowSeconds(240);
const project = fileURLToPath(new URL('../../', import.meta.url));
const room = await openRoom();
after(() => room.leave());

/** A copy of the code to break, beside the real node_modules; our own packages in it are the copy's. */
async function copyOfTheCode(): Promise<string> {
  const copy = join(room.folder, 'code');
  await mkdir(join(copy, 'node_modules/@haldane'), { recursive: true });
  const rooms = ['packages', 'services', 'pipelines', 'examples', 'scripts', 'test'];
  for (const one of rooms)
    await cp(join(project, one), join(copy, one), {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules') && !path.endsWith('.map'),
    });
  for (const file of await readdir(project, { withFileTypes: true }))
    if (file.isFile()) await cp(join(project, file.name), join(copy, file.name));
  for (const name of await readdir(join(project, 'node_modules')))
    if (name !== '@haldane' && name !== '.cache') await symlink(join(project, 'node_modules', name), join(copy, 'node_modules', name));
  for (const parent of ['packages', 'services', 'examples', '.'])
    for (const folder of await readdir(join(copy, parent), { withFileTypes: true })) {
      const manifest = await readFile(join(copy, parent, folder.name, 'package.json'), 'utf8').catch(() => null);
      if (manifest === null || folder.name === 'node_modules') continue;
      const { name } = JSON.parse(manifest) as { name: string };
      await symlink(join(copy, parent, folder.name), join(copy, 'node_modules', name));
    }
  return copy;
}

/** Runs one of the tools that `npm run check` runs, with the words that it has there. */
async function check(copy: string, script: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const { scripts } = JSON.parse(await readFile(join(copy, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const [tool = '', ...args] = (scripts[script] ?? '').split(' ');
  const child = spawn('/bin/sh', [...asItself, join(copy, 'node_modules/.bin', tool), ...args], {
    cwd: copy,
    env: { PATH: process.env['PATH'], CI: 'true', NO_COLOR: '1' },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

/** Writes a file into the copy, until the end of the test. */
async function plant(t: Test, copy: string, path: string, text: string): Promise<void> {
  const before = await readFile(join(copy, path), 'utf8').catch(() => null);
  await writeFile(join(copy, path), text);
  t.teardown(() => (before === null ? rm(join(copy, path)) : writeFile(join(copy, path), before)));
}
const line = (said: string, ...words: readonly string[]) => said.split('\n').some((one) => words.every((word) => one.includes(word)));

test('the checks fail when an arrow is broken, a promise is lost, or an exported thing is unused, and name it', async (t) => {
  const copy = await copyOfTheCode();
  await t.test('an arrow', async (t: Test) => {
    await plant(t, copy, 'packages/core/src/broken.ts', "export type { perform } from '@haldane/engine';\n");
    await plant(t, copy, 'packages/engine/src/broken.ts', "export { scenarios } from '@haldane/scenarios';\n");
    await plant(
      t,
      copy,
      'packages/scenarios/src/jwt-forged-alg/broken.ts',
      "export { idpJwksUnavailable } from '../idp-jwks-unavailable/index.ts';\n",
    );
    await plant(t, copy, 'packages/judge/src/broken.ts', "export { Runner } from '@haldane/runner';\n");
    await plant(t, copy, 'services/api/src/broken.ts', "export * from 'pg/lib/defaults.js';\n");
    const { code, said } = await check(copy, 'arrows');
    t.not(code, 0);
    t.ok(line(said, 'only-packages-core', 'packages/core/src/broken.ts', 'packages/engine'), 'core imports nothing');
    t.ok(line(said, 'only-packages-engine', 'packages/engine/src/broken.ts', 'packages/scenarios'), 'engine names no scenario');
    t.ok(line(said, 'siblings-are-strangers', 'jwt-forged-alg/broken.ts', 'idp-jwks-unavailable'), 'siblings are strangers');
    t.ok(line(said, 'packages-never-import-services', 'packages/judge/src/broken.ts', 'services/runner'), 'no package imports a service');
    t.ok(line(said, 'sdk-stays-in-its-folder', 'services/api/src/broken.ts', 'node_modules/pg'), 'an SDK stays in its folder');
  });
  await t.test('a lost promise', async (t: Test) => {
    await plant(
      t,
      copy,
      'packages/core/src/lost.ts',
      'export async function lost(): Promise<void> {\n  Promise.resolve().then(() => lost());\n}\n',
    );
    const { code, said } = await check(copy, 'promises');
    t.not(code, 0);
    t.match(said, /no-floating-promises[\s\S]*packages\/core\/src\/lost\.ts/);
  });
  await t.test('an export that nobody uses', async (t: Test) => {
    const path = 'packages/judge/src/words.ts';
    await plant(
      t,
      copy,
      path,
      `${await readFile(join(copy, path), 'utf8')}\nexport function neverUsed(): string {\n  return 'never';\n}\n`,
    );
    const { code, said } = await check(copy, 'unused');
    t.not(code, 0);
    t.ok(line(said, 'neverUsed', path), said.slice(0, 2000));
  });
});

test('in every room folder name, id and registered key are one', async (t) => {
  const folders = async (path: string) =>
    (await readdir(join(project, path), { withFileTypes: true }))
      .filter((one) => one.isDirectory())
      .map((one) => one.name)
      .sort();
  const dataplane = new DataplaneClient({ url: 'http://127.0.0.1:9', token: '' });
  const runOf = async () => ({ production: '', instances: { control: 0, experiment: 0 }, failures: 0, creditRate: 0 });
  const countedOf = async () => ({ at: 0, spent: 0, requests: 0 });
  const prometheus = { ask: async () => [], queries: { requests: '', up: '', started: '' }, runOf, countedOf };
  const metersOf = async () => ({ balancer: '', groups: { production: [], control: [], experiment: [] } });
  const cloudwatch = { ask: async () => [], runOf, countedOf, metersOf };
  const rooms: Readonly<Record<string, readonly string[]>> = {
    'packages/scenarios/src': scenarios.map(({ id }) => id),
    'packages/platforms/src': [
      platforms.aws({ calls: new MemoryAccount(), clock: systemClock }).id,
      platforms.local({ dataDir: room.folder, dataplane, clock: systemClock }).id,
    ],
    'packages/metrics/src': metricSources({ client: dataplane, clock: systemClock, cloudwatch, prometheus }).ids(),
    'packages/alerts/src': [
      alarmHistory({ read: async () => ({}), clock: systemClock, rules: [], heartbeat: undefined }).id,
      webhookAlerts({ inbox: { receive: async () => undefined, between: async () => [] } as never }).id,
    ],
    'packages/notifiers/src': receiverKinds,
    // A bundle is signed, which no other form is.
    'packages/reports/src': [...Object.keys(reports), 'bundle'],
    'pipelines/src': [manifestPipeline({ locate: () => '', env: {} }).id, ...liveSources.map(({ id }) => id), 'repository'],
  };
  for (const [path, ids] of Object.entries(rooms)) t.same([...ids].sort(), await folders(path), path);
  t.same([...known.platforms], rooms['packages/platforms/src'], 'what a file may name as its platform');
  t.same([...known.metrics], rooms['packages/metrics/src']);
  t.same([...known.alerts], rooms['packages/alerts/src']);
  t.same([...known.pipelines], ['manifest'], 'what a file may name as its pipeline');
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
