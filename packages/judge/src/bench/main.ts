import { parseArgs } from 'node:util';
import type { Block, Criteria, Evidence } from '@haldane/core';
import { haldane1 } from '../judge.ts';
import { type SimulatedRun, simulateRun } from '../rehearsal/simulate-run.ts';
import { situationsOf } from '../rehearsal/situations.ts';
import { rejudge } from '../rejudge.ts';
import type { JudgeState } from '../state.ts';

/** How long one second of this many runs may take, in milliseconds; told beside it: what that costs all cores, garbage collection included. */
const runs = 1000;
const barMs = 100;
const ticks = 100;
/** Simulated logs that the runs live through; each run has a state of its own. */
const logs = 40;
const perSecond = 50;

const criteria: Criteria = {
  spec: {
    service: 'payments',
    environment: 'bench',
    name: 'bench',
    about: '',
    scenario: { id: 'idp-jwks-unavailable', params: {} },
    fault: true,
    platform: 'local',
    pipeline: 'manifest',
    metrics: 'router',
    manifest: 'service.yaml',
    share: 0.1,
    exposure: 'all',
    expectedRate: perSecond * 10,
    instances: 2,
    baselineSeconds: 30,
    watchSeconds: ticks + 20,
    probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
    // Out of reach: a run that ends is no work.
    budget: { failures: 1_000_000, latencyLimitMs: 5000 },
    tolerance: { odds: 1.25, points: 0.001, latency: 1.5 },
    alpha: 0.05,
    contact: 30,
    noticed: null,
  },
  act: 'change',
  contactUnit: 'dependency-call',
  timeConstantSeconds: 5,
  changes: 1,
};

type Log = { readonly simulated: SimulatedRun; readonly before: readonly Block[]; readonly watched: readonly Block[] };

/** Runs without a difference that go on for the whole watch: every other one tells users apart, the rest count requests, which is dearer. */
function simulatedLogs(seed: number): readonly Log[] {
  const situations = situationsOf(criteria, { background: 0.01, effects: [] }).filter(
    ({ id }) => id === 'equal' || id === 'equal-requests',
  );
  const found: Log[] = [];
  for (let i = 0; found.length < logs; i++) {
    const situation = situations[i % situations.length];
    if (situation === undefined) throw new Error('the rehearsal has no situation without a difference');
    const simulated = simulateRun(criteria, situation, perSecond, seed * 1_000_003 + i);
    const { blocks } = simulated.evidence;
    const watched = blocks.filter(({ phase }) => phase === 'observing').slice(0, ticks);
    // A few sound runs in a hundred end early, by their alpha.
    if (watched.length === ticks) found.push({ simulated, before: blocks.filter(({ phase }) => phase !== 'observing'), watched });
  }
  return found;
}

/** Sequential tests that a state carries on from second to second. */
function testsIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, one) => sum + testsIn(one), 0);
  return inside + ('psis' in value && 'logE' in value ? 1 : 0);
}

function quantileOf(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

function spreadText(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b);
  return `median ${quantileOf(sorted, 0.5).toFixed(1)} ms, p95 ${quantileOf(sorted, 0.95).toFixed(1)} ms, worst ${quantileOf(sorted, 1).toFixed(1)} ms`;
}

/** Processor milliseconds of this process that `work` takes: what other programs take does not count, what its own garbage collector takes does. */
function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function main(words: string[]): number {
  const { values } = parseArgs({ args: words, options: { seed: { type: 'string', default: '1' } } });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    process.stderr.write(`--seed is ${values.seed}; give a whole number of at least 0\n`);
    return 2;
  }
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  const all = simulatedLogs(seed);
  const logOf = (run: number): Log => all[run % all.length] as Log;
  const known = (run: number): Pick<Evidence, 'checks' | 'accepts'> => logOf(run).simulated.evidence;
  const states: JudgeState[] = Array.from({ length: runs }, (_, run) =>
    logOf(run).before.reduce((state, block) => haldane1.step(state, block, known(run)).state, haldane1.begin(criteria)),
  );
  const clock: number[] = [];
  const processor: number[] = [];
  let goingOn = 0;
  for (let tick = 0; tick < ticks; tick++) {
    const began = performance.now();
    const spent = processorMs(() => {
      for (let run = 0; run < runs; run++) {
        const { state, decision } = haldane1.step(states[run] as JudgeState, logOf(run).watched[tick] as Block, known(run));
        states[run] = state;
        if (decision.do === 'go-on') goingOn += 1;
      }
    });
    clock.push(performance.now() - began);
    processor.push(spent);
  }
  const concluded = all.map(({ simulated: { evidence, facts } }) => processorMs(() => void rejudge(criteria, evidence, facts)));
  const median = quantileOf(
    [...clock].sort((a, b) => a - b),
    0.5,
  );
  say(`judge benchmark, seed ${seed}, Node ${process.version}`);
  say(
    `${runs} runs watched at once, ${testsIn(states[0])} sequential tests each, half of them by users and half by requests, ${perSecond} requests a second and arm, ${ticks} ticks`,
  );
  say(`a tick, processor time: ${spreadText(processor)}`);
  say(`a tick, by the clock:   ${spreadText(clock)}`);
  say(`decisions to go on: ${goingOn} of ${runs * ticks}`);
  say(
    `a run's state as JSON: ${Math.round(JSON.stringify(states[0]).length / 1024)} KB; its verdict and record from the stored log: ${spreadText(concluded)}`,
  );
  say(`${median < barMs ? 'met' : 'MISSED'}: median of a tick by the clock ${median.toFixed(1)} ms, bar ${barMs} ms`);
  return median < barMs ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
