import { mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Act, type AuditEntry, HaldaneError, type Run } from '@haldane/core';
import { House } from '@haldane/runner';
import { scenarios } from '@haldane/scenarios';
import { sampleDeployment, sampleExperiment } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { readAccess, removeAccess, writeAccess } from './access-file.ts';
import { allowedHosts } from './allowed-hosts.ts';
import { beginScheduled } from './begin-scheduled.ts';
import { readConfig, unreadSettings } from './config.ts';
import { desk } from './desk.ts';
import { requireOwnFile } from './own-files.ts';
import { policyOf } from './policy-file.ts';
import { poolOf } from './pool.ts';
import { routerToken, secret } from './router-token.ts';

async function folder(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'haldane-standalone-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('the environment decides where things lie, and what is named on the command line wins', async (t) => {
  t.equal(readConfig({}).dataDir, join(homedir(), '.local', 'state', 'haldane'));
  t.equal(readConfig({ XDG_STATE_HOME: '/state' }).dataDir, '/state/haldane');
  t.equal(readConfig({ XDG_STATE_HOME: '/state', HALDANE_DATA: '/data' }).dataDir, '/data');
  t.equal(readConfig({ HALDANE_DATA: '/data' }, '/here').dataDir, '/here');
  t.match(readConfig({}), { databaseUrl: null, port: 0 });
  t.match(readConfig({ DATABASE_URL: 'postgres://db', HALDANE_PORT: '8080', NONE: undefined }), {
    databaseUrl: 'postgres://db',
    port: 8080,
  });
  t.notOk('NONE' in readConfig({ NONE: undefined }).env);
  for (const port of ['-1', '65536', '80.5', 'http'])
    t.throws(() => readConfig({ HALDANE_PORT: port }), { code: 'bad-request', message: new RegExp(`HALDANE_PORT is "${port}"`) });
});

test('a pool may be shared by name, but never the one that a data folder has for itself', async (t) => {
  t.same(readConfig({ HALDANE_CLOUDWATCH_SETTLE: '180' }).cloudwatch, { settleSeconds: 180 });
  for (const HALDANE_CLOUDWATCH_SETTLE of ['59', '481', '90.5', 'long'])
    t.throws(() => readConfig({ HALDANE_CLOUDWATCH_SETTLE }), {
      code: 'bad-request',
      message: /HALDANE_CLOUDWATCH_SETTLE .* from 60 to 480/,
    });
  t.notOk('pool' in readConfig({}));
  t.notOk('pool' in readConfig({ HALDANE_POOL: '' }));
  t.equal(readConfig({ HALDANE_POOL: 'payments-team' }).pool, 'payments-team');
  for (const pool of ['local-0123456789abcdef', 'Payments', 'a b', '-a', 'a'.repeat(64)])
    t.throws(() => readConfig({ HALDANE_POOL: pool }), { code: 'bad-request', message: /HALDANE_POOL is/ });
});

test('a setting that nothing reads, for what it is about is not connected, is told in a line; an empty one is none', async (t) => {
  t.same(unreadSettings({ HALDANE_CLOUDWATCH_SETTLE: '180', HALDANE_AWS_PRICES: 'prices.json', HALDANE_AWS_ENDPOINT: 'http://aws' }), [
    'nothing reads HALDANE_AWS_PRICES, HALDANE_CLOUDWATCH_SETTLE, for HALDANE_AWS_REGION is not set: set it too, or leave them out',
  ]);
  t.same(unreadSettings({ HALDANE_PROMETHEUS_UP: 'up{cluster="$cluster"}' }).length, 1);
  const connected = { HALDANE_AWS_REGION: 'eu-west-1', HALDANE_PROMETHEUS: 'http://prometheus:9090' };
  t.same(unreadSettings({ ...connected, HALDANE_CLOUDWATCH_SETTLE: '180', HALDANE_PROMETHEUS_UP: 'up{cluster="$cluster"}' }), []);
  t.same(unreadSettings({ HALDANE_CLOUDWATCH_SETTLE: '', HALDANE_AWS_REGION: '' }), []);
});

test('a run that a schedule begins is in the audit log, and one that waits for its service is not', async (t) => {
  const service = { service: 'payments', environment: 'test' };
  const open: { id: string; service: string; environment: string; share: number; touches: null }[] = [];
  const acts: Act[] = [];
  let trouble: HaldaneError | null = null;
  const begin = beginScheduled({
    desk: {
      create: async ({ file }, permit) => {
        if (file === '/none') throw new HaldaneError('not-found', 'there is no such file');
        await permit(service, { team: 'payments', contact: '' });
        if (trouble !== null) throw trouble;
        return { id: 'r1' } as Run;
      },
    },
    runs: { find: async (key) => (key.endsWith('begun before') ? ({ id: 'r0' } as Run) : null) },
    policy: { open: async () => open },
    audit: {
      append: async (act) => {
        acts.push(act);
        return {} as AuditEntry;
      },
    },
  });
  const told = () => acts.splice(0).map(({ who, did, to, outcome, code }) => [who, did, to, outcome, code]);
  t.equal(await begin('/x', 'schedule:nightly:2026-11-22T03:00:00Z'), 'r1');
  t.same(told(), [['schedule nightly', 'createRun', 'service payments in test', 'allowed', null]]);
  t.equal(await begin('/x', 'schedule:nightly:begun before'), 'r0');
  t.same(told(), [], 'what was begun is not begun again');
  open.push({ id: 'r2', ...service, share: 0.1, touches: null });
  await t.rejects(begin('/x', 'schedule:nightly:then'), { code: 'service-taken', message: /taken by run r2/ });
  t.same(told(), []);
  open.pop();
  trouble = new HaldaneError('refused', 'a freeze');
  await t.rejects(begin('/x', 'schedule:nightly:then'), { code: 'refused' });
  t.same(
    told().map(([, , , outcome, code]) => [outcome, code]),
    [
      ['allowed', null],
      ['failed', 'refused'],
    ],
  );
  await t.rejects(begin('/none', 'schedule:nightly:then'), { code: 'not-found' });
  t.same(told(), [['schedule nightly', 'createRun', 'file /none', 'refused', 'not-found']]);
});

test('a changed policy holds at once; one that cannot be read allows nothing', async (t) => {
  const dataDir = await folder(t);
  const deployment = sampleDeployment('payments');
  const facts = { lock: async () => null, now: async () => Date.parse('2026-12-24T12:00:00Z') };
  const house = new House({ store: { policy: facts }, platforms: [{ id: 'local' }], policy: () => policyOf(dataDir) } as never);
  const { id, service, environment } = { id: 'r1', ...deployment };
  const run = { id, service, environment, experiment: sampleExperiment('payments'), createdAt: 0 };
  const asked = { run, deployment, scenario: { id: 'keys-away', version: 1 } };
  const policy = house.policy({} as never);
  const objections = () => policy.objections(asked, AbortSignal.timeout(10_000));
  t.same(await objections(), []);
  await writeFile(
    join(dataDir, 'haldane.policy.yaml'),
    'rules: [{ name: holidays, freezes: [{ zone: Europe/Berlin, from: 2026-12-18, to: 2027-01-03, why: end of the year }] }]',
  );
  t.match(await objections(), [/policy "holidays": .*end of the year/]);
  await writeFile(join(dataDir, 'haldane.policy.yaml'), 'rules: [{ nam');
  await t.rejects(objections(), { code: 'bad-document', message: /haldane\.policy\.yaml/ });
  await writeFile(join(dataDir, 'haldane.policy.yaml'), 'rules: []');
  t.same(await objections(), []);
  await rename(join(dataDir, 'haldane.policy.yaml'), join(dataDir, 'away'));
  await t.rejects(objections(), { code: 'denied', message: /was there and is gone: put it back/ });
  const back = () => rename(join(dataDir, 'away'), join(dataDir, 'haldane.policy.yaml'));
  t.same(await policyOf(dataDir, back), { rules: [] }, 'an editor may move it away for a moment');
  await writeFile(join(dataDir, 'haldane.policy.yaml'), 'rules: [{ nam');
  const whole = () => writeFile(join(dataDir, 'haldane.policy.yaml'), 'rules: []');
  t.same(await policyOf(dataDir, whole), { rules: [] }, 'or be in the midst of writing it');
});

test('files of one’s own may name this machine, those of others only what is allowed by name', async (t) => {
  t.same(allowedHosts(readConfig({})), ['localhost', '127.0.0.1', '[::1]']);
  t.same(allowedHosts(readConfig({ HALDANE_FILES: '/srv' })), []);
  t.same(allowedHosts(readConfig({ HALDANE_FILES: '/srv', HALDANE_ALLOW: 'IdP.internal:8443, [fd12::1]:80' })), [
    'idp.internal:8443',
    '[fd12::1]:80',
  ]);
  for (const bad of ['http://idp.internal', '10.0.0.0/8', '*.internal', 'a b'])
    t.throws(() => readConfig({ HALDANE_ALLOW: bad }), { code: 'bad-request', message: /HALDANE_ALLOW holds/ });
});

test('files are taken from the folders that were named, by whatever way a path leads out of them', async (t) => {
  t.notOk('files' in readConfig({}));
  t.same(readConfig({ HALDANE_FILES: '/srv/experiments:/srv/services' }).files, ['/srv/experiments', '/srv/services']);
  t.throws(() => readConfig({ HALDANE_FILES: 'srv' }), { code: 'bad-request', message: /HALDANE_FILES holds "srv"/ });
  const [own, other] = [await folder(t), await folder(t)];
  await writeFile(join(own, 'a.yaml'), '');
  await writeFile(join(other, 'evil.yaml'), '');
  await symlink(join(other, 'evil.yaml'), join(own, 'link.yaml'));
  await symlink(own, join(other, 'inside'));
  const refused = (file: string) => t.rejects(requireOwnFile([own], file), { code: 'forbidden', message: /HALDANE_FILES/ });
  await requireOwnFile([other, own], join(own, 'a.yaml'));
  await requireOwnFile([own], join(other, 'inside', 'a.yaml'));
  await requireOwnFile([own], join(own, 'none.yaml'));
  await requireOwnFile(undefined, '/etc/passwd');
  await refused('/etc/passwd');
  await refused('/etc/none');
  await refused(`${own}-beside/a.yaml`);
  await refused(`${own}/../${other.split('/').at(-1)}/evil.yaml`);
  await refused(`${own}/../none.yaml`);
  await refused(join(own, 'link.yaml'));
  await refused(own);
  const behind = desk({ files: [own], env: {}, house: { scenarios: () => scenarios } } as never);
  const permit = () => t.fail('nobody is asked about what is not read') as never;
  await t.rejects(behind.plan(join(other, 'evil.yaml'), permit), { code: 'forbidden' });
  await t.rejects(behind.define(join(other, 'evil.yaml'), permit), { code: 'forbidden' });
  const naming = (name: string, service: string) =>
    writeFile(
      join(own, name),
      `name: outside\nservice: ${service}\nscenario: { id: idp-jwks-unavailable, params: { dependency: keys, keyCacheSeconds: 1s } }\nshare: 10%\nbaseline: 5s\nwatch: 60s\nbudget: { failures: 1 }\n`,
    );
  await writeFile(
    join(own, 'service.yaml'),
    'service: ledger\nenvironment: staging\nowner: { team: t, contact: c }\ndeploy: { command: [node, a.mjs], health: { path: /healthz } }\nroute: { port: 0 }\n' +
      'dependencies: [{ name: keys, env: KEYS_URL, url: "http://127.0.0.1:1", as: http }]\n',
  );
  await naming('inside.yaml', join(own, 'service.yaml'));
  t.same(await behind.define(join(own, 'inside.yaml'), async () => undefined), {
    service: 'ledger',
    environment: 'staging',
    experiment: 'outside',
    scenario: 'idp-jwks-unavailable',
    seconds: 65,
    listens: false,
  });
  await naming('outside.yaml', join(other, 'evil.yaml'));
  await naming('nowhere.yaml', join(other, 'none.yaml'));
  for (const name of ['outside.yaml', 'nowhere.yaml'])
    await t.rejects(
      behind.plan(join(own, name), permit),
      { code: 'forbidden' },
      'nor is a manifest that an experiment names, nor is it told whether it is there',
    );
  await t.rejects(behind.deploy(join(other, 'evil.yaml'), permit), { code: 'forbidden' });
  await t.rejects(behind.create({ file: join(other, 'evil.yaml') }, permit), { code: 'forbidden' });
  await t.rejects(behind.schedule({ id: 'a', file: join(other, 'evil.yaml'), cron: '0 3 * * *' }, permit), { code: 'forbidden' });
});

test('a service that another depends on is looked at where a run found it, if its platform is connected here', async (t) => {
  const asked: unknown[] = [];
  const policy = {
    whereRunning: async (...given: unknown[]) => {
      asked.push(given);
      return [
        { service: 'keys', platform: 'local', source: 'keys.production' },
        { service: 'gone', platform: 'local', source: 'gone.production' },
        { service: 'far', platform: 'elsewhere', source: 'far.production' },
      ];
    },
  };
  const describe = async (name: string) => (name === 'keys.production' ? { name, revision: 'k1', instances: [{}, {}] } : null);
  const house = new House({ store: { policy }, platforms: [{ id: 'local', clusters: { describe } }] } as never);
  const deployment = { ...sampleDeployment('payments'), dependencies: [{ name: 'keys' }, { name: 'payments' }] } as never;
  t.same(await house.surroundings.look(deployment, AbortSignal.timeout(10_000)), [{ service: 'keys', revision: 'k1', instances: 2 }]);
  t.same(asked, [['test', ['keys']]], 'not at itself');
});

test('how to get in is on disk for its user alone, whole or not at all', async (t) => {
  const dataDir = await folder(t);
  t.equal(await readAccess(dataDir), null);
  const access = { address: 'http://127.0.0.1:1', token: secret(), alertToken: secret(), pid: 7 };
  await writeAccess(dataDir, { ...access, pid: 6 });
  await writeAccess(dataDir, access);
  t.same(await readAccess(dataDir), access);
  t.equal(await modeOf(join(dataDir, 'access.json')), 0o600);
  t.same(await readdir(dataDir), ['access.json'], 'nothing half-written beside it');
  await writeFile(join(dataDir, 'access.json'), '{"address":');
  t.equal(await readAccess(dataDir), null, 'what cannot be read lets nobody in');
  await removeAccess(dataDir);
  await removeAccess(dataDir);
  t.same(await readdir(dataDir), []);
});

test("the router's token is made once a folder, for its user alone, and never empty", async (t) => {
  const dataDir = await folder(t);
  const token = await routerToken(dataDir);
  t.match(token, /^[\w-]{43}$/);
  t.equal(await routerToken(dataDir), token);
  t.equal(await modeOf(join(dataDir, 'router-token')), 0o600);
  t.not(await routerToken(await folder(t)), token);
  await writeFile(join(dataDir, 'router-token'), '');
  t.match(await routerToken(dataDir), /^[\w-]{43}$/, 'a process that was killed while it wrote leaves no open door');
});

test('a data folder has one pool, also for those who ask at once, and no two folders share one', async (t) => {
  const [here, there] = [await folder(t), await folder(t)];
  const pools = await Promise.all(Array.from({ length: 5 }, () => poolOf(here)));
  t.equal(new Set(pools).size, 1);
  t.equal(await poolOf(here), pools[0]);
  t.same(await readdir(here), ['pool']);
  t.not(await poolOf(there), pools[0]);
  await writeFile(join(there, 'pool'), '');
  await t.rejects(poolOf(there), { code: 'bad-document', message: /does not name a pool/ });
});
