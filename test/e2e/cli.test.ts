import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inventory } from '@haldane/standalone';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';
import { serveKeys, writeTiny } from '../testing/tiny.ts';

allowSeconds(240);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const env = { PATH: process.env['PATH'], HOME: room.folder, TINY_TOKEN: keys.token, KEYS_URL: keys.url };
const dataDir = join(room.folder, 'up');
const files = await writeTiny(join(room.folder, 'tiny'));
const say = (...args: readonly string[]) => haldane(['--data', dataDir, ...args], env, room.folder).outcome;

/** One Haldane that goes on, as `haldane up` leaves it; the commands find it by its data folder. */
const up = haldane(['--data', dataDir, 'up', files.manifest], { ...env, HALDANE_CLOUDWATCH_SETTLE: '120' }, room.folder);
room.onLeave(async () => {
  up.child.kill('SIGINT');
  await up.outcome;
});
await up.said(/Haldane answers at/);

test('a start says which settings nothing reads', () =>
  up.said(/^nothing reads HALDANE_CLOUDWATCH_SETTLE, for HALDANE_AWS_REGION is not set: /m));

test('words that are no command end with 2 and help', async (t) => {
  for (const [args, words] of [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['rum'], /Did you mean run\?/],
    [['run'], /missing required argument 'file'/],
    [['run', files.experiment, '--report', 'poem'], /Allowed choices are terminal, markdown, html, json/],
  ] as const) {
    const { code, err } = await say(...args);
    t.equal(code, 2, args.join(' '));
    t.match(err, words);
    t.match(err, /haldane --help/);
  }
  const help = await say('--help');
  t.equal(help.code, 0);
  t.match(help.out, /run \[options\] <file>/);
});

test('a bad file ends with 2 and says every problem, where, and what is meant', async (t) => {
  const bad = join(room.folder, 'tiny', 'bad.yaml');
  await writeFile(bad, 'name: bad\nservice: service.yaml\nscenario: { id: idp-jwks-unavailible }\nwach: 5s\nbudget: { failures: 1 }\n');
  for (const command of ['plan', 'run']) {
    const { code, err, out } = await say(command, bad);
    t.equal(code, 2, command);
    t.match(err, /bad\.yaml is not a good experiment/);
    t.match(err, /wach.*did you mean "watch"/s);
    t.match(err, /idp-jwks-unavailible/);
    t.equal(out, '');
  }
  const missing = await say('run', 'nowhere.yaml');
  t.equal(missing.code, 2);
  t.match(missing.err, /nowhere\.yaml cannot be read/);
});

test('a service that is not opted in is refused with 5 before anything is touched', async (t) => {
  const other = await writeTiny(join(room.folder, 'not-opted-in'), { optIn: ['jwt-forged-alg'] });
  const before = await inventory({ dataDir });
  for (const command of ['plan', 'run']) {
    const { code, out, err } = await say(command, other.experiment);
    t.equal(code, 5, command);
    t.match(out + err, /tiny is not opted in to idp-jwks-unavailable: its owner \(tests\) adds it to optIn/);
  }
  t.same(await inventory({ dataDir }), before);
});

test('a run that nobody knows ends with 2', async (t) => {
  for (const args of [
    ['abort', 'rnobodyknows'],
    ['report', 'rnobodyknows'],
  ]) {
    const { code, err } = await say(...args);
    t.equal(code, 2, args.join(' '));
    t.match(err, /rnobodyknows/);
  }
});

test('a bundle that cannot be checked ends with 2 and says why, one that is none with 4', async (t) => {
  const huge = join(room.folder, 'huge.json');
  await writeFile(huge, '');
  await truncate(huge, 300 * 1024 * 1024);
  for (const [args, code, words] of [
    [['verify', 'nowhere.json'], 2, /nowhere\.json cannot be read/],
    [['verify', room.folder], 2, /cannot be read/],
    [['verify', huge], 2, /has 314572800 bytes, and no bundle more than/],
    [['--data', room.folder, 'verify', files.experiment], 2, /--key: name the file with the public key that you believe/],
    [['verify', files.experiment, '--key', files.experiment], 2, /--key: .* holds no public key/],
    [['verify', files.experiment], 4, /^WRONG: not a bundle as Haldane signed it: it is no JSON/],
    [['export', 'rnobodyknows'], 2, /rnobodyknows/],
  ] as const) {
    const said = await say(...args);
    t.equal(said.code, code, args.join(' '));
    t.match(said.out + said.err, words);
  }
  const keys = await say('keys');
  t.match(keys.out, /^# [0-9a-f]{64}, since 20[^,]+\n-----BEGIN PUBLIC KEY-----\n[^-]+-----END PUBLIC KEY-----\n$/);
  t.notMatch(keys.out, /PRIVATE/);
});

test('a plan touches nothing and says whose requests are at risk, the caps, and how each change is undone', async (t) => {
  const before = await inventory({ dataDir });
  const { code, out } = await say('plan', files.experiment);
  t.equal(code, 0);
  t.match(out, /at risk/i);
  t.match(out, /fail/);
  t.match(out, /without Haldane, the router does it when the lease ends/);
  const json = JSON.parse((await say('plan', files.experiment, '--json')).out) as { changes: { undo: string }[]; refusals: string[] };
  t.same(json.refusals, []);
  t.ok(json.changes.length >= 8 && json.changes.every(({ undo }) => undo !== ''));
  t.ok(before.length >= 2);
  t.same(await inventory({ dataDir }), before);
});

test('scenarios are listed with how each is undone, and a sweep of a whole world finds nothing', async (t) => {
  const listed = await say('scenarios');
  t.equal(listed.code, 0);
  for (const id of ['idp-jwks-unavailable', 'jwt-forged-alg']) t.match(listed.out, id);
  t.equal(listed.out.match(/undone: /g)?.length, listed.out.match(/\(version/g)?.length);
  for (const args of [['sweep'], ['sweep', '--end']]) {
    const { code, out } = await say(...args);
    t.equal(code, 0);
    t.match(out, /nothing is past its expiry/);
  }
});

test('Ctrl-C during a run puts everything back and ends with 3; a second one does not cut that short', async (t) => {
  // With no Haldane left running for it: the command brings the whole stack, which has to end with it.
  const own = join(room.folder, 'own');
  await mkdir(own, { mode: 0o700 });
  const slow = await writeTiny(join(room.folder, 'slow'), { watchSeconds: 60 });
  const run = haldane(['--data', own, 'run', slow.experiment], env, room.folder);
  room.onLeave(async () => run.child.kill('SIGKILL'));
  await run.said(/^ *[\d.]+ s +baseline$/m);
  const during = await inventory({ dataDir: own });
  t.ok(
    during.some((line) => line.includes('slice')),
    'users are in the arms',
  );
  run.child.kill('SIGINT');
  await run.said(/stopping: everything is being put back/);
  run.child.kill('SIGINT');
  await run.said(/this cannot be cut short/);
  const { code, signal, out, err } = await run.outcome;
  t.same([code, signal], [3, null]);
  t.match(err, /^stopped: operator \(stopped by a person at the command line\)$/m);
  t.match(out, /inconclusive/i, 'the report was printed all the same');
  t.same(await inventory({ dataDir: own }), ['no router'], 'and the stack ended with the command');
});

test('what was started goes when it is told to, and nothing is left', async (t) => {
  up.child.kill('SIGINT');
  t.equal((await up.outcome).code, 0);
  t.same(await room.leave(), []);
});
