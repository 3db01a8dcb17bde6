import type { Block, Criteria, ExperimentSpec, JudgedFacts } from '@haldane/core';
import { test } from 'tap';
import { haldane1, rejudge, replay, underOther } from '../index.ts';
import type { LatencyEffects } from '../latency.ts';
import { rehearse } from './rehearse.ts';
import { seededDraws } from './seeded-draws.ts';
import { type SimulatedRun, simulateRun } from './simulate-run.ts';
import { type Situation, situationsOf } from './situations.ts';

const spec: ExperimentSpec = {
  service: 'payments',
  environment: 'test',
  name: 'keys away',
  about: '',
  scenario: { id: 'idp-jwks-unavailable', params: {} },
  fault: true,
  platform: 'local',
  pipeline: 'manifest',
  metrics: 'router',
  manifest: 'service.yaml',
  share: 0.2,
  exposure: 'all',
  expectedRate: 200,
  instances: 1,
  baselineSeconds: 10,
  watchSeconds: 40,
  probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
  budget: { failures: 2000, latencyLimitMs: 5000 },
  tolerance: { odds: 1.25, points: 0.001, latency: 1.5 },
  alpha: 0.05,
  contact: 30,
  noticed: null,
};
const criteria: Criteria = { spec, act: 'change', contactUnit: 'dependency-call', timeConstantSeconds: 5, changes: 1 };
const usual = { background: 0.01, effects: [0.05, 0.3] };

function situation(id: string): Situation {
  const found = situationsOf(criteria, usual).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no situation ${id}`);
  return found;
}

/** A simulated log judged again after each block was bent. */
function bent(run: SimulatedRun, bend: (block: Block) => Block, facts: Partial<JudgedFacts> = {}) {
  return rejudge(criteria, { ...run.evidence, blocks: run.evidence.blocks.map(bend) }, { ...run.facts, ...facts });
}

function equalKeys(block: Block): Block {
  return { ...block, keys: { control: block.keys.experiment, experiment: block.keys.experiment } };
}

test('answers that take longer than tolerated stop the run by name, but block nothing', async (t) => {
  const slow = simulateRun(criteria, situation('slow'), 40, 1);
  t.equal(slow.stop, 'harm-proven');
  t.ok((slow.delay ?? 0) >= 10, 'ten seconds of slow answers, for those of one second hang together');
  t.match(slow.verdict.served, { mark: 'no', why: /answers took longer than [\d,]+ ms in the experiment, [\d,]+ of [\d,]+ longer than/ });
  t.match(slow.verdict.record.more['guardrails'], [{ guardrail: 'latency', named: true }], 'e-Holm names it');
  const { p50, p99, level } = slow.verdict.record.more['latencyMs'] as LatencyEffects;
  t.equal(level, 0.95);
  t.ok(p50 && p50.control.seen < 85 && p50.experiment.seen > 225, 'medians of 80 ms and three times that');
  t.ok(
    p50 && (p50.difference.low ?? 0) > 100 && (p50.difference.high ?? 1000) < 250,
    'the interval of the difference holds the true 160 ms',
  );
  t.equal(p99?.difference.high, null, 'what so few answers cannot bound is not bounded');
  t.equal(slow.verdict.record.strength, 'stop', 'however strong the evidence');

  const narrowed = bent(slow, (block) => ({ ...block, narrowed: block.phase === 'observing' }), { stop: null });
  t.ok(narrowed.record.more['latencyGuard'] && narrowed.served.mark !== 'no', 'seconds that the cap narrowed say nothing of latency');
  const both = bent(slow, (block) => ({ ...block, latency: { control: block.latency.experiment, experiment: block.latency.experiment } }));
  t.not(both.served.mark, 'no', 'what is slow in both arms is nobody’s doing');
  const silent = bent(slow, (block) => ({ ...block, latency: { control: [], experiment: [] } }));
  t.equal(silent.record.more['latencyGuard'], 'not measured');
  const little = simulateRun(criteria, { ...situation('slow'), slower: 1.4 }, 40, 1);
  t.equal(little.stop, null, 'within 1.5 times is within the tolerance');
});

test('a confirmation on fresh arms multiplies the evidence', async (t) => {
  const found = Array.from({ length: 20 }, (_, seed) => simulateRun(criteria, situation('fails-0.05'), 40, seed));
  const run = found.find(({ verdict }) => verdict.record.strength === 'stop');
  t.ok(run, 'some runs are just enough to stop');
  if (run === undefined) return;
  const again = (logE: number) => bent(run, (block) => block, { confirms: { runId: 'the-first', logE } });
  t.equal(again(Math.log(2)).record.strength, 'stop');
  t.equal(again(Math.log(1000)).record.strength, 'block');
  t.match(again(Math.log(1000)).record.more['confirms'], { runId: 'the-first' });
  const sound = simulateRun(criteria, situation('equal'), 40, 1);
  t.equal(
    bent(sound, (block) => block, { confirms: { runId: 'x', logE: 50 } }).record.strength,
    'none',
    'a run that proves nothing confirms nothing',
  );
});

test('a watch that can decide nothing any more ends early, and its verdict says so', async (t) => {
  const long: Criteria = {
    ...criteria,
    spec: { ...spec, watchSeconds: 400, exposure: 'all', budget: { failures: 1e6, latencyLimitMs: 5000 } },
  };
  const quiet = { ...situation('equal-requests'), background: 0, effect: 0 };
  const { evidence, facts } = simulateRun({ ...long, spec: { ...long.spec, tolerance: { odds: 1.25, points: 0.00001 } } }, quiet, 40, 1);
  const from = evidence.blocks.find((block) => block.phase === 'observing')?.at ?? 0;
  // Odds of 1.2 for half of the watch: clearly no equality, and too close to the tolerance to tell. Then nobody fails any more.
  const blocks = evidence.blocks.map((block) => {
    const failed = (failures: number) => ({ requests: 1000, failures, classes: [1000 - failures, 0, 0, 0, 0, 0, failures, 0] });
    if (block.phase !== 'observing') return block;
    const differ = block.at - from < 300;
    return { ...block, real: { ...block.real, control: failed(differ ? 10 : 0), experiment: failed(differ ? 12 : 0) } };
  });
  let state = haldane1.begin(long);
  let ended: number | null = null;
  let why = '';
  for (const [index, block] of blocks.entries()) {
    const stepped = haldane1.step(state, block, { checks: evidence.checks, accepts: [] });
    state = stepped.state;
    const { decision } = stepped;
    if (block.phase !== 'observing' || decision.do === 'go-on') continue;
    t.equal(decision.do, 'next', decision.do === 'stop' ? decision.why : '');
    ended = index + 1;
    why = decision.do === 'next' ? decision.why : '';
    break;
  }
  t.match(why, /neither harm beyond the tolerance nor its absence/);
  t.ok(ended !== null && ended < blocks.length);
  const verdict = rejudge(long, { ...evidence, blocks: blocks.slice(0, ended ?? 0) }, { ...facts, stop: null });
  t.match(verdict.served, { mark: 'unknown', why: /the watch ended early/ });
  t.equal(verdict.verdict, 'inconclusive');
});

test('the report says what its unit is, what retries do to it and how far instances differ', async (t) => {
  const run = simulateRun(criteria, situation('equal'), 40, 3);
  const reasons = run.verdict.reasons.join('\n');
  t.match(reasons, /unit of analysis: distinct users.*retries cannot be told/);
  t.match(reasons, /spread between instances in the baseline: not known/);
  const told = bent(run, (block) => ({
    ...block,
    retries: { control: 1, experiment: 2 },
    byInstance: {
      control: [{ requests: 100, failures: 1 }],
      experiment: [{ requests: 100, failures: 3 }],
    },
  }));
  t.match(told.reasons.join('\n'), /120 retries, told by the idempotency key, counted once/);
  t.match(told.reasons.join('\n'), /2 instances in the baseline: 1 % to 3 % of requests failed, variance 10 times/);
  t.same(told.record.more['retries'], { control: 40, experiment: 80 });
  t.match(
    simulateRun(criteria, situation('equal-requests'), 40, 3).verdict.reasons.join('\n'),
    /unit of analysis: requests.*[\d,]+ requests in control and [\d,]+ requests in the experiment, not tested against the shares/,
  );
});

test('with a control arm four times as large sound runs stay sound, and harm is found from fewer requests', async (t) => {
  const larger: Criteria = { ...criteria, spec: { ...spec, controlTimes: 4 } };
  const calm = simulateRun(larger, situation('equal'), 40, 5);
  t.equal(calm.stop, null);
  t.ok(
    calm.verdict.record.sampleRatio.p > 0.001 && calm.verdict.record.sampleRatio.control > 3 * calm.verdict.record.sampleRatio.experiment,
  );
  const { excessFailures: excess } = calm.verdict.record;
  t.ok(excess && excess.low < 0 && (excess.high ?? Number.NaN) > 0, 'control is counted at a quarter');
  // Each seed with itself: the same number of seeds, the mean of what stands in the experiment until the stop.
  const exposed = (of: Criteria) =>
    Array.from({ length: 30 }, (_, seed) => {
      const { stop, delay } = simulateRun(of, situation('fails-0.05'), 40, seed);
      return stop === 'harm-proven' ? (delay ?? 0) : of.spec.watchSeconds;
    }).reduce((sum, seconds) => sum + seconds, 0);
  t.ok(exposed(larger) < exposed(criteria), `${exposed(larger)} s in place of ${exposed(criteria)} s in 30 runs`);
  const askew = rejudge(larger, { ...calm.evidence, blocks: calm.evidence.blocks.map(equalKeys) }, calm.facts);
  t.ok(askew.record.sampleRatio.p < 0.001, 'equal numbers of users are not what was planned');
  const thin = { ...calm.evidence.blocks[0], healthy: { control: 3, experiment: 1 } } as Block;
  const blocks = Array.from({ length: 30 }, (_, i) => ({ ...thin, at: thin.at + i }));
  t.match(
    rejudge(larger, { ...calm.evidence, blocks }, { ...calm.facts, stop: null }).verdict,
    /inconclusive|invalid/,
    'three of four instances are no whole control',
  );
});

test('a rehearsal measures the judge, and the same seed measures the same', async (t) => {
  const rows = (seed: number) =>
    [...rehearse(criteria, { ...usual, runs: 40, seed, perSecond: 40 })].flatMap(({ row }) => (row === null ? [] : [row]));
  const first = rows(1);
  t.same(rows(1), first);
  t.notSame(rows(2), first);
  const of = (id: string) => first.find((row) => row.situation.id === id);
  // Alpha is .05: more than 13 of 40 by chance has probability 2e-8.
  for (const id of ['equal', 'equal-requests', 'bursts', 'drift', 'spikes'])
    t.ok((of(id)?.accused.share ?? 1) <= 13 / 40, `${id}: ${of(id)?.accused.share} accused`);
  t.equal(of('equal')?.missed, null, 'nothing to miss');
  t.equal(of('fails-0.3')?.missed?.share, 0, 'what fails 30 % is found each time');
  t.ok((of('fails-0.3')?.delay?.mean ?? 99) < (of('fails-0.05')?.delay?.mean ?? 0), 'and sooner than what fails 5 %');
  t.ok((of('late')?.delay?.mean ?? -1) > 0, 'delays count from the onset');
});

test('draws have the mean that they should', async (t) => {
  const draws = seededDraws(7);
  const mean = (draw: () => number) => Array.from({ length: 20_000 }, draw).reduce((sum, one) => sum + one, 0) / 20_000;
  // Six standard errors: 2e-9 for each by chance.
  t.ok(Math.abs(mean(() => draws.binomial(40, 0.03)) - 1.2) < 6 * Math.sqrt(1.164 / 20_000));
  t.ok(Math.abs(mean(() => draws.binomial(40, 0.9)) - 36) < 6 * Math.sqrt(3.6 / 20_000));
  t.ok(Math.abs(mean(() => draws.poisson(4)) - 4) < 6 * Math.sqrt(4 / 20_000));
  t.ok(Math.abs(mean(() => draws.poisson(400)) - 400) < 6 * Math.sqrt(400 / 20_000));
});

test('a stored log is judged again: alike under its own criteria, differently under others', async (t) => {
  const harmed = simulateRun(criteria, situation('fails-0.3'), 40, 5);
  const own = replay(criteria, harmed.evidence, harmed.facts);
  t.equal(JSON.stringify(own.verdict), JSON.stringify(harmed.verdict), 'bit for bit');
  t.match(own.ended, /^stopped \(harm-proven\) after \d+ s of observing/);

  const lenient = underOther(criteria, { ...spec, tolerance: { odds: 10, points: 0.9, latency: 100 } });
  const mild = replay(lenient, harmed.evidence, harmed.facts);
  t.equal(mild.verdict.verdict, 'inconclusive', 'the log ends where the run was stopped; what would have come is not known');
  t.match(mild.ended, /not decided .* the stored log ends here, where the run stopped under its own criteria \(harm-proven\)/);

  const sound = simulateRun(criteria, situation('equal'), 40, 5);
  const shorter = replay(underOther(criteria, { ...spec, watchSeconds: 10 }), sound.evidence, sound.facts);
  t.equal(shorter.verdict.verdict, 'resilient');
  t.equal(shorter.verdict.record.seconds, 10);
  const stricter = replay(underOther(criteria, { ...spec, contact: 1e6 }), sound.evidence, sound.facts);
  t.match(stricter.verdict.headline, /fault never met often enough/);
  const stopped = { ...sound.facts, stop: { reason: 'operator' as const, why: 'asked', at: 0 } };
  const cut = { ...sound.evidence, blocks: sound.evidence.blocks.slice(0, -5) };
  t.match(replay(criteria, cut, stopped).verdict.headline, /stopped by a person/, 'a person stays a person');
});
