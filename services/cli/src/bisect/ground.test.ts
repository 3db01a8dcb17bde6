import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ExperimentSpec } from '@haldane/core';
import { test } from 'tap';
import { groundOf } from './ground.ts';

const signal = AbortSignal.timeout(600_000);
const manifest = (environment: string, deploy = 'command: [node, a.mjs]') => `service: shop
environment: ${environment}
owner: { team: t, contact: c }
deploy: { ${deploy}, health: { path: /healthz } }
route: { port: 0 }
`;

test('what may not be bisected is refused, and nothing is run from before a migration', async (t) => {
  const folder = t.testdir();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder },
    }).trim();
  const commit = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
    git('add', '-A');
    git('commit', '-qm', path);
    return git('rev-parse', 'HEAD');
  };
  git('init', '-q');
  const one = await commit('app/service.yaml', manifest('staging'));
  const two = await commit('app/a.mjs', '1');
  const three = await commit('db/change.txt', 'add a column');
  const four = await commit('app/a.mjs', '2');
  const spec = { manifest: join(folder, 'app/service.yaml') } as ExperimentSpec;
  const ground = (more: Partial<Parameters<typeof groundOf>[0]> = {}) =>
    groundOf({ spec, folder, good: one, bad: four, migrations: [], env: {}, ...more }, signal);

  t.match(await ground(), { line: [one, two, three, four], from: 0, manifest: 'app/service.yaml', environment: 'staging' });
  t.equal((await ground({ migrations: ['./db/'] })).from, 2, 'the commit that migrates can be run itself');
  t.equal((await ground({ migrations: ['d'] })).from, 0, 'a folder is no beginning of a name');
  const five = await commit('app/migrations/1.sql', 'alter');
  t.equal((await ground({ bad: five })).from, 4, 'what is a migration by its name need not be declared');
  await t.rejects(ground({ good: four, bad: one }), { code: 'bad-request', message: /is not on the way/ });
  await t.rejects(ground({ good: one, bad: one }), { code: 'bad-request', message: /the same commit/ });
  await t.rejects(ground({ good: '--all' }), { code: 'not-found' });

  const other = t.testdirName;
  const at = async (text: string, path = 'app/other.yaml') => {
    await writeFile(join(other, path), text);
    return ground({ spec: { manifest: join(other, path) } as ExperimentSpec });
  };
  await t.rejects(at(manifest('production')), { code: 'refused', message: /production gets no old revision/ });
  await t.rejects(at(manifest('staging', `command: [node, ${folder}/app/a.mjs]`)), {
    code: 'refused',
    message: /the same for every revision/,
  });
  await t.rejects(at(manifest('staging', 'command: [node, a.mjs], cwd: /')), {
    code: 'refused',
    message: /deploy\.cwd is \/, which is the same/,
  });
  await t.rejects(
    at('service: shop\nenvironment: staging\nowner: { team: t, contact: c }\nplatform: aws\ndeployed: { cluster: a, route: b }\n'),
    { code: 'refused', message: /it runs on platform aws/ },
  );
});
