import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { HaldaneClient } from '@haldane/client';
import { type ExperimentSpec, HaldaneError, hasCode, type Run } from '@haldane/core';

import { type Test, test } from 'tap';
import { bisect } from './bisect.ts';
import { groundOf } from './ground.ts';
import { prepared } from './prepared.ts';

const signal = AbortSignal.timeout(600_000);
const manifest = (environment = 'staging', deploy = '') => `service: shop
environment: ${environment}
owner: { team: t, contact: c }
deploy: { command: [node, a.mjs], health: { path: /healthz }${deploy} }
route: { port: 8080 }
`;

/** Four commits, the third of which brings the flaw in, bisected by a Haldane that looks into each revision's folder. */
async function bench(
  t: Test,
  more: { readonly second?: (folder: string) => Readonly<Record<string, string>>; readonly broken?: number } = {},
) {
  const top = t.testdir({ repository: {}, data: {} });
  const folder = join(top, 'repository');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder },
    }).trim();
  const commit = async (files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text);
    git('add', '-A');
    git('commit', '-qm', 'a change');
    return git('rev-parse', 'HEAD');
  };
  git('init', '-q');
  const line = [
    await commit({ 'service.yaml': manifest(), 'a.mjs': 'well 1' }),
    await commit({ 'a.mjs': 'well 2', ...more.second?.(folder) }),
    await commit({ 'service.yaml': manifest(), 'a.mjs': 'flawed 3' }),
    await commit({ 'a.mjs': 'flawed 4' }),
  ];
  const [good = '', bad = ''] = [line[0], line[3]];
  const spec = { manifest: join(folder, 'service.yaml') } as ExperimentSpec;
  const ground = await groundOf({ spec, folder, good, bad, migrations: [], env: {} }, signal);
  const deployed: { readonly at: number; readonly manifest: string; readonly files: readonly string[] }[] = [];
  const said: string[] = [];
  const runs = { at: '' };
  const client = {
    deploy: async (path: string) => {
      const text = await readFile(path, 'utf8');
      deployed.push({ at: line.findIndex((one) => text.includes(one)), manifest: text, files: await readdir(dirname(path)) });
      runs.at = dirname(path);
    },
    create: async () => ({ id: 'r' }),
  } as unknown as HaldaneClient;
  const { repository } = ground;
  if (more.broken !== undefined) {
    const broken = line[more.broken];
    const checkOut = repository.checkOut.bind(repository);
    repository.checkOut = async (revision, into, abort) => {
      if (revision !== broken) return checkOut(revision, into, abort);
      throw new HaldaneError('unavailable', `git could not lay ${revision} out`);
    };
  }
  const find = (over: Partial<Parameters<typeof bisect>[0]> = {}) =>
    bisect({
      client,
      ground,
      experiment: 'name: x\nservice: service.yaml\nexposure: canary\n',
      prepare: null,
      env: { PATH: process.env['PATH'] ?? '', GIT_DIR: join(folder, '.git') },
      dataDir: join(top, 'data'),
      watch: async () => {
        const flawed = (await readFile(join(runs.at, 'a.mjs'), 'utf8')).startsWith('flawed');
        const record = { strength: 'warn' };
        return { facts: { verdict: { verdict: flawed ? 'vulnerable' : 'resilient', record, headline: 'h' } } } as unknown as Run;
      },
      stop: async () => undefined,
      say: (words) => void said.push(words),
      signal,
      ...over,
    });
  return { find, line, folder, top, deployed, said, runs, git };
}

test('a revision that could not be made ready is laid out anew, and what is started is never what is checked in', async (t) => {
  const { find, line, deployed, folder, git } = await bench(t);
  const before = git('config', '--list');
  // Fails once in each folder, half done; and it writes to the repository that git finds, as a package's install script does.
  const prepare = `git config bisect.was here; echo half > half; tried=../tried-$(basename "$PWD"); test -e $tried && rm half || { touch $tried; echo not yet; exit 3; }`;
  const found = await find({ prepare });
  t.equal(found.first, line[2], found.why);
  for (const revision of line.filter((one) => found.runs.some((run) => run.revision === one)))
    t.match(
      found.runs.find((run) => run.revision === revision),
      { says: 'unknown', why: /--prepare failed: it ended with 3: not yet/ },
    );
  t.ok(deployed.length >= 4);
  for (const { at, manifest: text, files } of deployed) {
    t.not(at, -1, 'each names its revision');
    t.match(text, /environment: staging-bisect/);
    t.match(text, /port: 0/);
    t.notOk(files.includes('half'), 'nothing of the try before');
  }
  t.equal(git('config', '--list'), before);
  t.equal(await readFile(join(folder, 'service.yaml'), 'utf8'), manifest());
});

test("an old revision's own manifest is refused what today's would be, and then says nothing", async (t) => {
  const rows = [
    [() => manifest('production'), /production gets no old revision/],
    [(folder: string) => manifest('staging', `, cwd: ${folder}`), /deploy\.cwd is .*, which is the same for every revision/],
    [(folder: string) => manifest().replace('a.mjs', `${folder}/a.mjs`), /deploy\.command names .*\/a\.mjs, which is the same/],
  ] as const;
  for (const [text, why] of rows) {
    const { find, line, deployed } = await bench(t, { second: (folder) => ({ 'service.yaml': text(folder) }) });
    const found = await find();
    t.match(found, { first: null, after: line[0], until: line[2], why: /no answer between/ });
    t.match(
      found.runs.find(({ revision }) => revision === line[1]),
      { runId: null, says: 'unknown', why },
    );
    t.notOk(deployed.some(({ at }) => at === 1));
  }
});

test('a revision that git cannot lay out says nothing, and a Haldane that is gone ends the search', async (t) => {
  const { find, line } = await bench(t, { broken: 1 });
  t.match(await find(), { first: null, after: line[0], until: line[2] });
  const gone = async () => {
    throw new HaldaneError('unavailable', 'gone');
  };
  await t.rejects(find({ watch: gone }), { code: 'unavailable', message: 'gone' });
});

test('what runs the last revision ends before its folder goes, and what cannot be ended takes no answer away', async (t) => {
  const { find, line, top, runs, said } = await bench(t);
  const found = await find({
    stop: async () => {
      await access(join(runs.at, 'a.mjs'));
      throw new Error('it does not end');
    },
  });
  t.equal(found.first, line[2]);
  t.match(said.at(-1), /could not be ended: it does not end$/, 'and its folder was there until then');
  t.same(await readdir(join(top, 'data')), []);
});

test('what --prepare started ends with it: when it is done, takes too long, or a person stops it', async (t) => {
  const cwd = t.testdir();
  // Whatever was started keeps a connection for ten minutes; that it is closed says that none of it is left.
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connects = `require('net').connect(${port}, '127.0.0.1', () => require('fs').writeFileSync('alive', '')); setTimeout(() => {}, 600000)`;
  const started = `'${process.execPath}' -e "${connects}" & while [ ! -e alive ]; do sleep 0.05; done; rm alive; echo begun;`;
  const outcome = async (command: string, withinMs: number, stop?: AbortController) => {
    const connected = once(server, 'connection');
    const options = { cwd, env: { PATH: process.env['PATH'] ?? '' }, log: join(cwd, 'log'), withinMs };
    const ended = prepared(started + command, options, stop?.signal ?? signal).catch((error: unknown) => error);
    const [socket] = (await connected) as [Socket];
    const closed = once(socket.on('error', () => undefined).resume(), 'close');
    stop?.abort(new HaldaneError('refused', 'stopped'));
    await closed;
    return ended;
  };
  t.equal(await outcome('exit 0', 600_000), undefined);
  t.match(await outcome('exit 4', 600_000), { code: 'not-healthy', message: /it ended with 4: begun/ });
  t.match(await outcome('wait', 5_000), { code: 'not-healthy', message: /it did not end within 5 s: begun/ });
  t.ok(hasCode(await outcome('wait', 600_000, new AbortController()), 'refused'));
});
