import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import type { Plan, Run } from '@haldane/core';
import { usersLevel } from '@haldane/judge';
import { readConfig, startStack } from '@haldane/standalone';
import { chanceStopped, stoppingLaw } from '@haldane/statistics';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startRun } from '../testing/follow.ts';
import { startSender } from '../testing/load.ts';
import { openRoom } from '../testing/room.ts';
import { serveKeys } from '../testing/tiny.ts';
import { type Wavering, writeWavering } from '../testing/wavering.ts';

/** 50 requests a second and arm. */
const wavering: Wavering = { well: 0.01, ill: 0.05, traffic: 125, share: 0.4, watchSeconds: 60 };
const { well, ill, traffic, share, watchSeconds } = wavering;
const levels = { alpha: 0.05, exposure: 'all', probes: { legitimateRate: 2 } } as Parameters<typeof usersLevel>[0];
/** Ends that say something of the machine and nothing of the statistics; such a run is made again, a few times at most. */
const disturbances: readonly (string | null)[] = ['lease-lost', 'error', 'metrics-unavailable'];
const mostDisturbed = 4;
/** Runs at a time, each on a service of its own, with one router for all. */
const atOnce = 3;
const whole = process.env['LANE'] === 'full';
const wanted = whole ? { faulty: 10, clean: 20 } : { faulty: 2, clean: 2 };

type Result = {
  readonly fault: boolean;
  readonly run: Run;
  readonly stop: string | null;
  /** From the first second under watch to the decision. */
  readonly seconds: number;
  readonly band: number;
};

if (process.env['LANE_LIVE'] === undefined) {
  test('live traffic stops as the planner says', { skip: 'LANE_LIVE is not set: it takes minutes of traffic' }, async () => undefined);
} else {
  allowSeconds(whole ? 3600 : 600);
  const room = await openRoom();
  after(() => room.leave());
  const disturbed: Result[] = [];
  const results = await runAll();
  const { faulty, clean } = { faulty: results.filter((one) => one.fault), clean: results.filter((one) => !one.fault) };

  test('a build that fails 5 % in place of 1 % is stopped when the planner says', async (t) => {
    for (const line of tableOf([...results, ...disturbed])) t.comment(line);
    t.equal(faulty.length, wanted.faulty);
    if (whole) {
      const inBand = faulty.filter(({ stop, seconds, band }) => stop === 'harm-proven' && seconds <= band).length;
      const odds = binomialTail(10, 0.2, 4);
      t.comment(`${inBand} of 10 in the 80 % band; a perfect planner has fewer than 7 with chance ${odds.toFixed(3)}`);
      t.ok(inBand >= 7, `${inBand} of 10 stopped within the 80 % band`);
    } else {
      const odds = wanted.faulty * (1 - chanceOfHarm(ill, usersLevel(levels), watchSeconds));
      t.ok(odds < 1e-6, `the chance that one is not stopped within ${watchSeconds} s is ${odds.toExponential(1)}`);
      for (const { stop, run } of faulty) t.equal(stop, 'harm-proven', run.stop?.why ?? 'it was not stopped');
    }
  });

  test('without a fault nothing would be blocked, and hardly anything is stopped', async (t) => {
    t.equal(clean.length, wanted.clean);
    if (whole) {
      const stopped = clean.filter(({ stop }) => stop !== null).length;
      t.comment(
        `${stopped} of 20 stopped; at the full alpha of .05 each, more than 4 do with chance ${binomialTail(20, 0.05, 5).toFixed(4)}`,
      );
      t.ok(stopped <= 4, `${stopped} of 20 stopped`);
      for (const { run } of clean) t.not(run.facts.verdict?.record.strength, 'block', 'would block with a chance below .001 (Ville)');
    } else {
      const most = 1e5;
      const odds = wanted.clean * chanceOfHarm(well, 1 / most, watchSeconds);
      t.ok(odds < 1e-6, `the chance that one shows more is ${odds.toExponential(1)}`);
      for (const { run } of clean) t.ok((run.facts.verdict?.record.harm.maxLogE ?? Number.NaN) < Math.log(most), 'no strong evidence');
    }
  });

  test('nothing that was started here is still running', async (t) => {
    t.same(await room.leave(), []);
  });

  /** Every run, `atOnce` at a time, under open-loop traffic to all services. */
  async function runAll(): Promise<readonly Result[]> {
    const keys = await serveKeys();
    room.onLeave(() => keys.close());
    const env = { ...readConfig(process.env).env, TINY_TOKEN: keys.token, KEYS_URL: keys.url };
    const stack = await startStack({ dataDir: join(room.folder, 'data'), databaseUrl: null, port: 0, env, ephemeral: true });
    room.onLeave(() => stack.stop());
    const client = new HaldaneClient(stack.access);
    const files = await Promise.all(
      Array.from({ length: atOnce }, (_, i) => writeWavering(join(room.folder, 'files', `${i}`), `wavering-${i}`, wavering)),
    );
    const targets = await Promise.all(files.map(async ({ manifest }) => (await client.deploy(manifest)).address));
    // Before there is traffic to measure, the plan is made of what the file declares.
    const band = bandOf(await client.plan(files[0]?.experiment ?? '', ill));
    const crowd = await startSender<{ sent: number; lost: number }>(
      fileURLToPath(new URL('../testing/crowd-sender.mjs', import.meta.url)),
      {
        TARGETS: targets.join(' '),
        RATE: `${traffic}`,
        USERS: '50000',
        TOKEN: keys.token,
      },
    );
    room.onLeave(() => crowd.stop());
    // Faulty ones first among the clean ones, so that both kinds meet the machine in the same moods.
    const queue = interleave(wanted.faulty, wanted.clean);
    const done: Result[] = [];
    await Promise.all(
      files.map(async ({ experiment }) => {
        for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
          const result = await runOne(client, experiment, fault, band);
          const again = disturbances.includes(result.stop) && disturbed.length < mostDisturbed;
          (again ? disturbed : done).push(result);
          if (again) queue.push(fault);
        }
      }),
    );
    return done;
  }
}

async function runOne(client: HaldaneClient, experiment: string, fault: boolean, band: number): Promise<Result> {
  const followed = await startRun(client, experiment, { fault, withinMs: 300_000 });
  const run = await followed.ended;
  const { marks } = await client.evidence(run.id);
  const from = marks.find(({ phase }) => phase === 'observing')?.at ?? Number.NaN;
  const to = run.facts.decidedAt ?? Number.NaN;
  return { fault, run, stop: run.stop?.reason ?? null, seconds: (to - from) / 1000, band };
}

/** What the plan says of the watch that finds the failing build with 80 % chance at the experiment's own share. */
function bandOf(plan: Plan): number {
  const seconds = plan.find?.choices.find((one) => one.share === share)?.seconds;
  if (seconds === undefined || seconds === null) throw new Error('the plan does not say how long finding the failing build takes');
  return seconds;
}

/** The planner's chance that users' failures at this rate have crossed 1/alpha within the time. */
function chanceOfHarm(rate: number, alpha: number, seconds: number): number {
  const perSecond = traffic * share;
  const law = stoppingLaw({
    alpha,
    psi0: 1.25,
    controlRate: well,
    experimentRate: rate,
    controlPerSecond: perSecond,
    experimentPerSecond: perSecond,
    seconds,
  });
  return chanceStopped(law, seconds);
}

/** P(at least k of n), each with chance p. */
function binomialTail(n: number, p: number, k: number): number {
  let mass = (1 - p) ** n;
  let below = 0;
  for (let i = 0; i < k; i++) {
    below += mass;
    mass *= ((n - i) / (i + 1)) * (p / (1 - p));
  }
  return 1 - below;
}

/** True for a faulty run, spread evenly among the others. */
function interleave(faulty: number, clean: number): boolean[] {
  const all = faulty + clean;
  return Array.from({ length: all }, (_, i) => Math.floor(((i + 1) * faulty) / all) > Math.floor((i * faulty) / all));
}

function tableOf(results: readonly Result[]): readonly string[] {
  const rows = results.map(({ fault, run, stop, seconds, band }) => {
    const record = run.facts.verdict?.record;
    return [
      run.id,
      fault ? '5 %' : '1 %',
      stop ?? 'none',
      seconds.toFixed(1),
      fault ? `${band}` : '',
      `${record?.failures.experiment}/${record?.requests.experiment} vs ${record?.failures.control}/${record?.requests.control}`,
      (record?.harm.maxLogE ?? Number.NaN).toFixed(1),
      record?.strength ?? '',
      run.facts.verdict?.verdict ?? '',
    ];
  });
  const head = ['run', 'fails', 'stop', 'seconds', '80 % band', 'failures', 'max ln E', 'enough to', 'verdict'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  return [head, ...rows].map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
}
