import { join } from 'node:path';
import { HaldaneClient } from '@haldane/client';
import type { Choice, GateAnswer } from '@haldane/core';
import { readConfig, startStack } from '@haldane/standalone';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startRun } from '../testing/follow.ts';
import { haldane } from '../testing/haldane.ts';
import { history, writeHistory } from '../testing/revisions.ts';
import { openRoom } from '../testing/room.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';
import { serveKeys } from '../testing/tiny.ts';

/**
 * All ten, and a bisect from end to end; otherwise the commit draws one of the two: three of the revisions through the pipeline, or a bisect around
 * the flaw.
 */
const full = process.env['LANE'] === 'full';
const skip =
  process.env['LANE_REVISIONS'] === undefined && 'LANE_REVISIONS is not set: whole runs of one revision after another, for minutes';
const [drawn = 0] = draws(seedOfSamples(), 'ten-revisions', 1, 2);
const parts = { pipeline: skip === false && (full || drawn === 0), bisect: skip === false && (full || drawn === 1) };
const flawAt = 5;
const deployed = full ? history.map((_, at) => at) : parts.pipeline ? [0, 1, flawAt] : [];
const bisected = full ? { good: 0, bad: history.length - 1 } : { good: 3, bad: flawAt };

allowSeconds(full ? 1_500 : 500);
const room = await openRoom();
after(() => room.leave());
const keys = await serveKeys();
room.onLeave(() => keys.close());
const repository = await writeHistory(join(room.folder, 'ledger'));
const { commits, folder } = repository;
const dataDir = join(room.folder, 'data');
const env = { PATH: process.env['PATH'], HOME: room.folder, TINY_TOKEN: keys.token, KEYS_URL: keys.url };
const ledger = { service: 'ledger', environment: 'staging' };
const names = ['keys-gone', 'keys-refused'] as const;
const files = names.map((name) => `${name}.yaml`);
/** What a pipeline's step says, in the repository. */
const step = (...args: readonly string[]) => haldane(['--data', dataDir, ...args], env, folder).outcome;

/** What a pipeline does with a revision: deploys it to staging, runs what it needs, and asks whether it may go on. */
async function pipeline(client: HaldaneClient, revision: string, live: string | null) {
  repository.checkOut(revision);
  await client.deploy(join(folder, 'service.yaml'));
  const chosen = await step('choose', 'ledger', ...files, '--environment', 'staging', '--json');
  if (chosen.code !== 0) throw new Error(chosen.err);
  const choice = JSON.parse(chosen.out) as Choice;
  for (const { experiment } of choice.run) {
    // On a machine that does much else a run of seconds may take minutes.
    const { ended } = await startRun(client, join(folder, `${experiment}.yaml`), { withinMs: 400_000 });
    await ended;
  }
  const asked = await step(
    ...['gate', 'ledger', '--environment', 'staging', '--revision', revision, '--json'],
    ...(live === null ? [] : ['--live', live]),
  );
  return { choice, code: asked.code, answer: JSON.parse(asked.out) as GateAnswer };
}

const went = new Map<number, Awaited<ReturnType<typeof pipeline>> & { readonly live: string | null }>();
let live: string | null = null;
if (parts.pipeline) {
  const stack = await startStack({ ...readConfig({ ...process.env, ...env }, dataDir), databaseUrl: null, port: 0, ephemeral: true });
  room.onLeave(() => stack.stop());
  const client = new HaldaneClient(stack.access);
  for (const experiment of names) await client.setGateMode(ledger, { experiment, mode: 'block', why: 'the team agreed' });
  for (const at of deployed) {
    const revision = commits[at] ?? '';
    const gone = await pipeline(client, revision, live);
    went.set(at, { ...gone, live });
    if (gone.code === 0) live = revision;
  }
}
const wentAt = (at: number) => {
  const one = went.get(at);
  if (one === undefined) throw new Error(`revision ${at} never went through the pipeline`);
  return one;
};
const standingOf = (at: number, name: string) => went.get(at)?.answer.findings.find(({ experiment }) => experiment === name);

if (skip !== false) test('ten revisions go through a pipeline, and a bisect between them', { skip }, () => undefined);
if (parts.pipeline) {
  test('the revision that brings a flaw in is held, with the reason, and so is every later one that keeps it', (t) => {
    for (const at of deployed) {
      const { code, answer, live: was } = wentAt(at);
      const found = standingOf(at, 'keys-refused');
      if (at < flawAt) {
        t.equal(code, 0, `${history[at]?.says} goes on: ${answer.why}`);
        t.equal(found?.standing, 'passed', found?.says ?? 'not found');
      } else {
        t.equal(code, 1, `${history[at]?.says} is held: ${answer.why}`);
        t.match(found, { standing: 'regressed', blocks: true });
        t.match(found?.says, new RegExp(`regressed: vulnerable at .*, resilient at ${was}`));
      }
    }
    t.end();
  });

  test('an older debt is found in every revision and holds none', (t) => {
    for (const at of deployed) {
      const found = standingOf(at, 'keys-gone');
      t.ok(['debt', 'live-unknown', 'unproven'].includes(found?.standing ?? ''), `${history[at]?.says}: ${found?.says}`);
      t.equal(found?.blocks, false);
    }
    t.end();
  });

  test('a deploy runs what it can have touched, and a page about the service nothing: its evidence stands', (t) => {
    t.same(
      went
        .get(0)
        ?.choice.run.map(({ experiment }) => experiment)
        .sort(),
      [...names],
      'nothing is known at first',
    );
    t.match(went.get(1)?.choice, { run: [], stands: [{ verified: { revision: commits[0] } }, { verified: { revision: commits[0] } }] });
    t.match(standingOf(1, 'keys-refused')?.says, /nothing that touches it has changed since/);
    t.match(went.get(flawAt)?.choice.run[0]?.why, /changed code \(program\.mjs\)/);
    t.end();
  });

  test('the way back to what was live passes', async (t) => {
    const [first = '', now = ''] = [commits[0], live ?? ''];
    t.not(now, first);
    const back = await step('gate', 'ledger', '--environment', 'staging', '--revision', first, '--live', now, '--json');
    t.equal(back.code, 0);
    t.match(JSON.parse(back.out), { decision: 'allow', why: /the way back is always open/ });
  });
}

if (parts.bisect)
  test('a bisect names the revision that brought the flaw in, and the gate says so with its finding', async (t) => {
    const { good: from, bad } = bisected;
    const revision = commits[bad] ?? '';
    const { code, out, err } = await step('bisect', 'keys-refused.yaml', '--good', commits[from] ?? '', '--bad', revision, '--json');
    t.equal(code, 0, err);
    const found = JSON.parse(out) as { first: string; why: string };
    t.equal(found.first, commits[flawAt], found.why);
    t.match(found.why, /rather serve than fail/);
    if (!parts.pipeline) return t.match(err, /no Haldane is up to write this down/);
    const again = await step('gate', 'ledger', '--environment', 'staging', '--revision', revision, '--live', live ?? '', '--json');
    t.match(
      (JSON.parse(again.out) as GateAnswer).findings.find(({ experiment }) => experiment === 'keys-refused'),
      {
        standing: 'regressed',
        says: new RegExp(`the flaw came in with ${commits[flawAt]}`),
      },
    );
    t.equal(again.code, 1);
  });

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
