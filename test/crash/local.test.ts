import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { inventory, readConfig, startStack } from '@haldane/standalone';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { openRoom } from '../testing/room.ts';
import { seedOfSamples } from '../testing/sample.ts';
import { ask, serveKeys } from '../testing/tiny.ts';

/** Changes of a run of the tiny service: two proxies, two arms, attach, a slice, the fault, another slice. Each is intended, marked applied and marked reverted. */
const writes = 8 * 3;
const moments = writes * 2;
/** A runner's lease is 15 s; what it left must have ended by itself within that, and a few seconds for a busy machine to notice. */
const withinMs = 15_000 + 8_000;

const full = process.env['LANE'] === 'full';
const seed = seedOfSamples();
const chosen = full ? Array.from({ length: moments + 1 }, (_, at) => at) : sampled(seed);

/** One moment of each third of the run, by the commit's hash. */
function sampled(seed: string): readonly number[] {
  const third = moments / 3;
  return [0, 1, 2].map((part) => part * third + (createHash('sha256').update(`${seed}:${part}`).digest().readUInt32BE() % third));
}

allowSeconds(full ? 3_600 : 240);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const env = { ...process.env, TINY_TOKEN: keys.token, KEYS_URL: keys.url };

type Said = { readonly address?: string; readonly before?: readonly string[]; readonly run?: string; readonly moments?: number };

/** Starts the process that kills itself, and collects what it says until it is gone. */
async function runUntilKilled(dataDir: string, filesDir: string, moment: number, onAddress: (address: string) => void) {
  const main = fileURLToPath(new URL(`local-run${extname(import.meta.url)}`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, main, dataDir, filesDir, `${moment}`], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  room.onLeave(async () => child.kill('SIGKILL'));
  let said: Said = {};
  if (child.stdout !== null)
    createInterface(child.stdout).on('line', (line) => {
      said = { ...said, ...(JSON.parse(line) as Said) };
      const { address } = JSON.parse(line) as Said;
      if (address !== undefined) onAddress(address);
    });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { said, code, signal };
}

async function killedAt(t: Test, moment: number): Promise<void> {
  const dataDir = join(room.folder, `at-${moment}`);
  const own = { ...readConfig(env, dataDir), port: 0, databaseUrl: null };
  // Ends whatever outlived the kill, however this test ends.
  const tidy = async () => (await startStack({ ...own, ephemeral: false })).stop();
  let users: ReturnType<typeof ask> | null = null;
  room.onLeave(async () => users?.stop());
  const { said, code, signal } = await runUntilKilled(dataDir, join(room.folder, `files-${moment}`), moment, (address) => {
    users = ask(address, keys.token);
  });
  if (moment >= moments) {
    t.same([code, signal, said.moments], [0, null, moments], 'a run that nobody kills writes as often as this test believes');
    return;
  }
  try {
    t.equal(signal, 'SIGKILL', `killed ${moment % 2 === 0 ? 'before' : 'after'} write ${Math.floor(moment / 2) + 1} of ${writes}`);
    const killedAt = Date.now();
    const before = said.before ?? [];
    let now = await inventory(own);
    while (now.join('\n') !== before.join('\n') && Date.now() - killedAt < withinMs) {
      await sleep(100);
      now = await inventory(own);
    }
    t.same(now, before, `before = after, ${((Date.now() - killedAt) / 1000).toFixed(1)} s later and without any restart`);
    t.ok(before.length >= 2, 'production goes on: its instance and its route are still there');

    const stack = await startStack({ ...own, ephemeral: false });
    room.onLeave(() => stack.stop());
    const client = new HaldaneClient(stack.access);
    const [listed] = await client.runs(1);
    const id = said.run ?? listed?.id ?? '';
    for await (const event of client.events(id, 0, AbortSignal.timeout(60_000))) void event;
    const run = await client.run(id);
    // On a starved machine answers come late, and the run may have stopped for that before it was killed: its first reason stands.
    const expected = run.stop?.reason === 'budget-spent' ? 'budget-spent' : 'lease-lost';
    t.same([run.phase, run.stop?.reason, run.facts.restored?.clean], ['done', expected, true], `${run.stop?.why}`);
    const { journal } = JSON.parse(await client.report(id, 'json')) as { journal: { state: string }[] };
    t.same(
      journal.filter(({ state }) => state !== 'reverted'),
      [],
      `all ${journal.length} entries of the journal are back`,
    );
    t.same(await client.sweep(false), [], 'a sweep finds nothing');
    t.same(await inventory(own), before, 'and nothing came back');
    const answered = await (users as ReturnType<typeof ask> | null)?.stop();
    t.ok(answered !== undefined && answered.sent > 20 && answered.lost === 0, `none of ${answered?.sent} requests of users was lost`);
    await stack.stop();
  } catch (error) {
    await tidy().catch(() => undefined);
    throw error;
  }
}

test(`the real process is killed at ${full ? 'each of the' : `${chosen.length} (seed ${seed.slice(0, 12)}) of`} ${moments} moments of a real run`, async (t) => {
  t.comment(`moments ${chosen.join(', ')}`);
  const waiting = [...chosen];
  const lane = async () => {
    for (let moment = waiting.shift(); moment !== undefined; moment = waiting.shift()) {
      const at = moment;
      await t.test(`at moment ${at}`, (t) => killedAt(t, at));
    }
  };
  t.jobs = 3;
  await Promise.all([lane(), lane(), lane()]);
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
