import { type Block, type Criteria, type Evidence, type ExperimentSpec, emptyProbeTally, type Phase } from '@haldane/core';
import { rehearse } from '@haldane/judge';
import { test } from 'tap';
import { comparisonText, confirm, planText, rehearsalText, replayReport } from './index.ts';

const spec: ExperimentSpec = {
  service: 'payments',
  environment: 'test',
  name: 'keys-away',
  about: '',
  scenario: { id: 'idp-jwks-unavailable', params: {} },
  fault: true,
  platform: 'local',
  pipeline: 'manifest',
  metrics: 'router',
  manifest: 'service.yaml',
  share: 0.2,
  exposure: 'all',
  expectedRate: null,
  instances: 1,
  baselineSeconds: 5,
  watchSeconds: 20,
  probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
  budget: { failures: 1000, latencyLimitMs: 5000 },
  tolerance: { odds: 1.25, points: 0.001 },
  alpha: 0.05,
  contact: 30,
  noticed: null,
};
const criteria: Criteria = { spec, act: 'change', contactUnit: 'dependency-call', timeConstantSeconds: 0, changes: 1 };

/** A service that fails one request in ten under the change, and was stopped for it. */
function report(run = 'first', createdAt = 1, watched = 20): string {
  const tally = (requests: number, failures: number) => ({
    requests,
    failures,
    classes: [requests - failures, 0, 0, 0, 0, 0, failures, 0],
  });
  const served = { ...emptyProbeTally, sent: 5, classes: [5, 0, 0, 0, 0, 0, 0, 0], accepted: 5 };
  const refused = { ...emptyProbeTally, sent: 20, classes: [0, 0, 20, 0, 0, 0, 0, 0], denied: 20 };
  const block = (at: number, phase: Phase): Block => ({
    at,
    phase,
    real: { production: tally(100, 0), control: tally(40, 0), experiment: tally(40, phase === 'observing' ? 4 : 0) },
    keys: { control: 0, experiment: 0 },
    failedKeys: { control: 0, experiment: 0 },
    switched: 0,
    dependencyCalls: { control: 1, experiment: 1 },
    met: { control: 0, experiment: phase === 'baseline' ? 0 : 20 },
    budget: { spent: 0, cap: 1000, credit: 0 },
    narrowed: false,
    latency: { control: [], experiment: [] },
    legitimate: { control: served, experiment: served },
    hostile: { control: refused, experiment: refused },
    healthy: { control: 1, experiment: 1 },
  });
  const phases: readonly (readonly [Phase, number])[] = [
    ['baseline', 5],
    ['proving', 4],
    ['observing', watched],
  ];
  const blocks = phases.flatMap(([phase, seconds]) => Array.from({ length: seconds }, () => phase)).map((phase, at) => block(at, phase));
  const checks = [{ name: 'effect' as const, at: 5000, passed: true, seen: '503' }];
  const evidence: Evidence = {
    blocks,
    checks,
    accepts: [],
    alerts: [],
    features: [],
    marks: [],
    effectAt: 5000,
    instances: { control: ['c'], experiment: ['e'] },
  };
  const facts = { injectedAt: 5000, restored: { clean: true, stuck: [] } };
  const ended = { id: run, service: 'payments', environment: 'test', createdAt, stop: null, facts };
  return JSON.stringify({ format: 'haldane-report/1', run: ended, criteria, evidence, journal: [] });
}

test('a stored run is shown beside what other criteria make of it', async (t) => {
  const compared = replayReport(report(), { ...spec, name: 'lenient', tolerance: { odds: 10, points: 0.5 } });
  t.equal(compared.stored.verdict.verdict, 'vulnerable');
  t.equal(compared.stored.verdict.record.harm.threshold, 25);
  t.equal(compared.replayed.verdict.served.mark, 'yes');
  const text = comparisonText(compared);
  t.match(text, /keys-away \(stored\) +lenient \(replayed\)/);
  t.match(text, /verdict +vulnerable +resilient/);
  t.match(text, /stored: {3}stopped \(harm-proven\) after \d+ s of observing/);
  t.match(text, /replayed: ended after \d+ s of observing: equal within the tolerance/);

  t.throws(() => replayReport(report(), { ...spec, scenario: { id: 'jwt-forged-alg', params: {} } }), {
    code: 'refused',
    message: /the run was of idp-jwks-unavailable, the other experiment is of jwt-forged-alg/,
  });
  t.throws(() => replayReport('{}', spec), { code: 'bad-document' });
});

test('a rehearsal is a table of what was measured, with its errors', async (t) => {
  const rows = [...rehearse(criteria, { background: 0.01, effects: [0.5], runs: 4, seed: 1, perSecond: 40 })].flatMap(({ row }) =>
    row === null ? [] : [row],
  );
  const text = rehearsalText(rows);
  t.match(text, /every accusation is a false stop/);
  t.match(text, /50 % of requests fail +100\.0 ± 0\.0/);
  t.equal(text.split('\n').filter((line) => line.startsWith('  situation')).length, 2);
});

test('a plan says what the budget is worth and what a wanted effect takes', async (t) => {
  const plan = {
    interrogated: [],
    changes: [],
    atRisk: [],
    caps: [],
    requestsPerSecond: 200,
    power: [],
    timeConstants: [],
    notes: [],
    refusals: [],
    seconds: { least: 10, most: 60 },
  };
  const text = planText({
    ...plan,
    budget: { chance: 0.2, limit: 0.05, background: 0.001, smallestSensible: 31 },
    find: {
      rate: 0.01,
      power: 0.8,
      requests: 4000,
      choices: [
        { share: 0.1, seconds: 200 },
        { share: 0.2, seconds: null },
      ],
    },
  });
  t.match(text, /spends it with a chance of 20 % \(refused above 5 %; the smallest sensible one is 31\)/);
  t.match(text, /1 % of requests failing is found with 80 % chance within 4000 requests in each arm:/);
  t.match(text, /a share of 10 %: a watch of 4 min/);
  t.match(text, /a share of 20 %: how long is known when the traffic is/);
  t.notMatch(planText(plan), /Budget|To find it/);
});

test('a second run of the same revision on fresh arms multiplies the evidence of the first', async (t) => {
  const [first, second] = [report('first', 1, 3), report('second', 2, 3)];
  t.equal(replayReport(second, spec).stored.verdict.record.strength, 'stop', 'one run alone is enough to stop only');
  const verdict = confirm(second, first);
  t.equal(verdict.record.strength, 'block');
  const { runId, logE, together } = verdict.record.more['confirms'] as { runId: string; logE: number; together: number };
  t.equal(runId, 'first');
  const alone = verdict.record.more['failuresOnly'] as { maxLogE: number };
  t.equal(together, logE + alone.maxLogE);
  t.throws(() => confirm(first, first), { code: 'refused', message: /same run/ });
  t.throws(() => confirm(first, second), { code: 'refused', message: /comes first/ });
});
