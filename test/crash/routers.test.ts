import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HaldaneClient } from '@haldane/client';
import { inventory, readAccess, readConfig, startStack } from '@haldane/standalone';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { type BalancedUsers, balancedUsers } from '../testing/balanced-users.ts';
import { type Followed, phase, startRun } from '../testing/follow.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';
import { serveKeys } from '../testing/tiny.ts';
import { writeWavering } from '../testing/wavering.ts';

/** What is killed while three routers carry a run; one of them by the commit, `LANE=full` each. */
const victims = ['the runner', 'the database', 'a router', 'all routers'] as const;
type Victim = (typeof victims)[number];
const full = process.env['LANE'] === 'full';
const seed = seedOfSamples();
const chosen = full ? victims : draws(seed, 'victims', 1, victims.length).map((at) => victims[at] as Victim);

const routers = 3;
const cap = 6;
/** A runner's lease is 15 s; what it left must have ended by itself within that, and a few seconds for a busy machine to notice. */
const withinMs = 15_000 + 8_000;

allowSeconds(240 * chosen.length);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const env = { PATH: process.env['PATH'], HOME: room.folder, TINY_TOKEN: keys.token, KEYS_URL: keys.url, HALDANE_ROUTERS: `${routers}` };

/** Waits for a fact, with patience for a busy machine; what it last saw is the answer either way. */
async function eventually<T>(look: () => Promise<T>, isSo: (seen: T) => boolean, ms: number): Promise<T> {
  for (const end = Date.now() + ms; ; await sleep(100)) {
    const seen = await look();
    if (isSo(seen) || Date.now() > end) return seen;
  }
}

/** What users had seen when a run began: each run has a budget of its own. */
type Before = { readonly sent: number; readonly failed: number };

/** A run that is being observed. On a machine too busy for one of its steps a run ends before that, and another is begun. */
async function observedRun(
  t: Test,
  client: HaldaneClient,
  file: string,
  { seen }: BalancedUsers,
): Promise<{ followed: Followed; before: Before }> {
  for (let tries = 1; ; tries += 1) {
    const before = { sent: seen.sent, failed: seen.failed.length };
    const followed = await startRun(client, file, { withinMs: 200_000 });
    const why = await followed.until(phase('observing'), 'being observed').catch((error: Error) => error);
    if (why === undefined) return { followed, before };
    if (tries === 3) throw why;
    t.comment(`begun again, after ${seen.failed.slice(before.failed).join(', ') || 'no'} failures: ${why.message}`);
  }
}

/** A number in a file of JSON. */
async function numberIn(file: string, ...path: readonly (string | number)[]): Promise<number> {
  let value: unknown = JSON.parse(await readFile(file, 'utf8'));
  for (const name of path) value = (value as Record<string | number, unknown>)[name];
  return Number(value);
}

/** Ends it at once, and says (epoch ms) when it was gone. */
async function killNine(pid: number): Promise<number> {
  process.kill(pid, 'SIGKILL');
  const isGone = async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    // Its doors are open until the last of its threads has ended.
    return status === '' || (/^State:\s+Z/m.test(status) && !/^Threads:\s+(?!1$)/m.test(status));
  };
  await eventually(isGone, (gone) => gone, 10_000);
  return Date.now();
}

async function killInTheMiddle(t: Test, victim: Victim): Promise<void> {
  const dataDir = await room.passable(victim.replace(' ', '-'));
  const own = { ...readConfig(env, dataDir), port: 0, databaseUrl: null };
  const up = haldane(['--data', dataDir, 'up'], env, room.folder);
  room.onLeave(async () => up.child.kill('SIGKILL'));
  const takeOver = () => startStack({ ...own, ephemeral: false });
  try {
    await up.said(/Haldane answers at/);
    const client = new HaldaneClient((await readAccess(dataDir)) ?? { address: '', token: '' });
    const wanted = { well: 0, ill: 0.1, traffic: 60, share: 0.2, watchSeconds: 40, budget: cap };
    const files = await writeWavering(join(room.folder, `files of ${victim}`), 'wavering', wanted);
    await client.deploy(files.manifest);
    const before = await inventory(own);
    const portsIn = (line: RegExp) => before.flatMap((one) => line.exec(one)?.[1] ?? []).map(Number);
    const doors = portsIn(/^route .* on port (\d+)$/);
    t.equal(doors.length, routers, before.join('; '));
    const [production = 0] = portsIn(/^instance .*:(\d+)$/);
    const users = balancedUsers({ routers: doors, production, token: keys.token, perSecond: 60 });
    room.onLeave(() => users.stop());

    const { followed, before: begun } = await observedRun(t, client, files.experiment, users);
    const delay = createHash('sha256').update(`${seed}:${victim}`).digest().readUInt32BE();
    await sleep(delay % 3_000);
    const folders = ['router', 'router-2', 'router-3'];
    const survives = victim === 'a router' || victim === 'all routers';
    const some = victim === 'all routers' ? folders : [folders[delay % folders.length] ?? 'router'];
    const dead = survives ? some.map((folder) => join(dataDir, folder)) : [];
    const deadDoors = await Promise.all(dead.map((folder) => numberIn(join(folder, 'routes.json'), 0, 'port')));
    const killedAt = Date.now();
    let goneAt = killedAt;
    if (victim === 'the runner') goneAt = await killNine(up.child.pid ?? 0);
    else if (victim === 'the database') goneAt = await killNine(await numberIn(join(dataDir, 'postgres.json'), 'server', 'pid'));
    else {
      const pids = await Promise.all(dead.map((folder) => numberIn(join(folder, 'router.json'), 'pid')));
      goneAt = Math.max(...(await Promise.all(pids.map(killNine))));
    }

    // Whoever still lives puts it back; where nobody does, it ends by itself.
    if (survives) await followed.ended;
    const look = () => inventory(own).catch((error: Error) => [error.message]);
    const now = await eventually(look, (seen) => seen.join('\n') === before.join('\n'), withinMs);
    t.same(now, before, `before = after, ${((Date.now() - goneAt) / 1000).toFixed(1)} s later`);
    await users.stop();
    const { direct, lost } = users.seen;
    const sent = users.seen.sent - begun.sent;
    const failed = users.seen.failed.slice(begun.failed);
    const harmed = failed.filter((by) => by !== 'production').length;
    t.comment(`${sent} requests: ${harmed} failed in arms or routers, ${failed.length - harmed} in production, ${lost.length} were lost`);
    t.ok(sent > 60, `${sent} requests`);
    const times = lost.map(({ port, at, until }) => `${port} from ${at - killedAt} to ${until - killedAt} ms`);
    t.comment(
      `killed at 0, gone at ${goneAt - killedAt} ms; doors of the dead ${deadDoors.join(', ') || 'none'}; lost: ${times.join('; ') || 'none'}`,
    );
    const elsewhere = lost.filter(({ port, at, until }) => !deadDoors.includes(port) || at > goneAt || until < killedAt);
    t.same(elsewhere, [], 'no request was lost but those in flight at what was killed');
    if (victim === 'all routers') t.ok(direct > 0, 'without routers users get production');

    if (!survives) {
      up.child.kill('SIGKILL');
      await up.outcome;
    }
    const stack = survives ? null : await takeOver();
    if (stack !== null) room.onLeave(() => stack.stop());
    const after = stack === null ? client : new HaldaneClient(stack.access);
    for await (const event of after.events(followed.run.id, 0, AbortSignal.timeout(90_000))) void event;
    const run = await after.run(followed.run.id);
    // Credit is none unless something failed in the baseline, and then at most this.
    const allowed = cap + Math.floor((run.facts.baseline?.creditRate ?? 0) * sent);
    t.ok(harmed <= allowed, `users saw ${harmed} failures of the ${allowed} that the run may cause`);
    t.same([run.phase, run.facts.restored?.clean], ['done', true], `${run.stop?.reason}: ${run.stop?.why}`);
    const { journal } = JSON.parse(await after.report(run.id, 'json')) as { journal: { state: string }[] };
    t.same(
      journal.filter(({ state }) => state !== 'reverted'),
      [],
      `all ${journal.length} entries of the journal are back`,
    );
    const { blocks } = await after.evidence(run.id);
    t.same(
      blocks.map(({ budget }) => budget).filter(({ spent, cap: told, credit }) => told > cap || spent > told + credit),
      [],
      'no second of the evidence tells of more than the budget',
    );
    t.same(await after.sweep(false), [], 'a sweep finds nothing');
    t.same(await inventory(own), before, 'and nothing came back');
    if (stack !== null) await stack.stop();
    else {
      up.child.kill('SIGINT');
      await up.outcome;
    }
  } catch (error) {
    up.child.kill('SIGKILL');
    await up.outcome;
    await takeOver()
      .then((stack) => stack.stop())
      .catch(() => undefined);
    throw error;
  }
}

for (const victim of chosen)
  test(`under load on three routers, ${victim} may be killed: the budget holds, users get production, nothing is left (seed ${seed.slice(0, 12)})`, (t) =>
    killInTheMiddle(t, victim));

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
