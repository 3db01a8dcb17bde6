import {
  type Arm,
  answerClasses,
  arms,
  type Block,
  type Check,
  type Criteria,
  type Evidence,
  emptyProbeTally,
  type JudgedFacts,
  type Phase,
  type ProbeTally,
  type StopReason,
  type Tally,
  timesOf,
  type Verdict,
} from '@haldane/core';
import { upperRate } from '@haldane/statistics';
import { haldane1 } from '../judge.ts';
import { type Draws, seededDraws } from './seeded-draws.ts';
import type { Situation } from './situations.ts';

/** How a simulated run ended. */
export type SimulatedRun = {
  readonly stop: StopReason | null;
  /** Seconds from the onset to the stop, both in whole seconds of the watch; null where it was not stopped while watching. */
  readonly delay: number | null;
  readonly verdict: Verdict;
  /** What the verdict was made from. */
  readonly evidence: Evidence;
  readonly facts: JudgedFacts;
};

/** Each user comes about once in so many seconds. */
const secondsBetweenVisits = 60;
/** Answers whose latency is drawn, a second and arm, at most: enough for the quantiles, and cheap. */
const mostLatencies = 50;
const production = 3;
const medianMs = 80;
const spread = 0.5;

/**
 * One run of the experiment's own configuration through the judge itself, on a virtual clock. The world behaves as the situation
 * says; forged tokens are always refused and the fault is always met, for the rehearsal is about users. Pure: one seed, one run.
 */
export function simulateRun(criteria: Criteria, situation: Situation, perSecond: number, seed: number): SimulatedRun {
  const world = new World(criteria, situation, perSecond, seededDraws(seed));
  const checks: Check[] = [];
  const blocks: Block[] = [];
  let phase: Phase = 'baseline';
  let injectedAt: number | null = null;
  let watchedFrom: number | null = null;
  let stop: JudgedFacts['stop'] = null;
  let state = haldane1.begin(criteria);
  // The judge's own deadlines end every phase.
  for (let at = 0; stop === null; at++) {
    const block = world.block(at, phase, watchedFrom === null ? -1 : at - watchedFrom);
    blocks.push(block);
    const stepped = haldane1.step(state, block, { checks, accepts: [] });
    state = stepped.state;
    const { decision } = stepped;
    if (decision.do === 'stop') stop = { reason: decision.reason, why: decision.why, at: (at + 1) * 1000 };
    if (decision.do !== 'next') continue;
    if (phase === 'observing') break;
    if (phase === 'baseline') {
      world.freezeCredit();
      injectedAt = (at + 1) * 1000;
      checks.push({ name: 'effect', at: injectedAt, passed: true, seen: 'simulated' });
      phase = 'proving';
    } else {
      watchedFrom = at + 1;
      phase = 'observing';
    }
  }
  const evidence: Evidence = {
    blocks,
    checks,
    accepts: [],
    alerts: [],
    features: [],
    marks: [],
    effectAt: injectedAt,
    instances: { control: [], experiment: [] },
  };
  const delay = stop === null || watchedFrom === null ? null : stop.at / 1000 - watchedFrom - situation.onset;
  const facts: JudgedFacts = { stop, injectedAt, restored: { clean: true, stuck: [] } };
  return { stop: stop?.reason ?? null, delay, verdict: haldane1.conclude(state, criteria, evidence, facts), evidence, facts };
}

/** What the simulated traffic looks like from second to second. */
class World {
  readonly #criteria: Criteria;
  readonly #situation: Situation;
  readonly #perSecond: number;
  readonly #draws: Draws;
  readonly #users: number;
  readonly #seen: Record<Arm, number> = { control: 0, experiment: 0 };
  readonly #failed: Record<Arm, number> = { control: 0, experiment: 0 };
  #spent = 0;
  #creditRate = 0;
  #credit = 0;
  #watching = false;
  #before = { requests: 0, failures: 0 };

  constructor(criteria: Criteria, situation: Situation, perSecond: number, draws: Draws) {
    this.#criteria = criteria;
    this.#situation = situation;
    this.#perSecond = perSecond;
    this.#draws = draws;
    this.#users = Math.max(20, Math.round(perSecond * secondsBetweenVisits));
  }

  /** The credit is frozen as a run does it: from the baseline's failures of every cluster. */
  freezeCredit(): void {
    const { requests, failures } = this.#before;
    this.#creditRate = failures === 0 ? 0 : upperRate(failures, requests, 0.05);
    this.#watching = true;
  }

  block(at: number, phase: Phase, watched: number): Block {
    const { spec } = this.#criteria;
    const sliced = spec.exposure !== 'synthetic' && phase !== 'proving';
    const wave = this.#situation.swing * Math.sin((2 * Math.PI * at) / 120);
    const swing = 1 + wave;
    const weather = (at % 60 >= 30 && at % 60 < 34 ? this.#situation.spikes : 1) * (1 + wave / 2);
    const rate = (who: Arm | 'production') => Math.min(1, weather * this.#failureRate(who, watched));
    const come = { control: 0, experiment: 0 };
    if (sliced) for (const arm of arms) come[arm] = this.#draws.poisson(this.#perSecond * swing * timesOf(spec, arm));
    if (this.#watching) this.#credit += this.#creditRate * (come.control + come.experiment);
    const side = (arm: Arm) => ({ requests: come[arm], ...this.#failures(arm, come[arm], rate(arm)) });
    // Neither arm always comes first where the last of the budget goes.
    const [first, second] = at % 2 === 0 ? [side('control'), side('experiment')] : [side('experiment'), side('control')];
    const [control, experiment] = at % 2 === 0 ? [first, second] : [second, first];
    const others = this.#draws.poisson(this.#perSecond * swing * production);
    const otherFailures = this.#draws.binomial(others, rate('production'));
    if (phase === 'baseline') {
      this.#before.requests += others + control.requests + experiment.requests;
      this.#before.failures += otherFailures + control.failures + experiment.failures;
    }
    const late = watched >= this.#situation.onset ? this.#situation.slower : 1;
    const healthy = (arm: Arm) => spec.instances * timesOf(spec, arm);
    const hostile = refusals(this.#whole(spec.probes.hostileRate, at));
    return {
      at,
      phase,
      real: {
        production: tally(others, otherFailures),
        control: tally(control.requests, control.failures),
        experiment: tally(experiment.requests, experiment.failures),
      },
      keys: { control: control.newKeys, experiment: experiment.newKeys },
      failedKeys: { control: control.failedKeys, experiment: experiment.failedKeys },
      switched: 0,
      dependencyCalls: { control: 1, experiment: 1 },
      met: { control: 0, experiment: phase === 'baseline' ? 0 : Math.max(1, spec.contact) },
      budget: { spent: this.#spent, cap: spec.budget.failures, credit: this.#credit },
      narrowed: false,
      latency: { control: this.#latencies(control.requests, 1), experiment: this.#latencies(experiment.requests, late) },
      legitimate: {
        control: this.#synthetic(at, rate('control')),
        experiment: this.#synthetic(at, rate('experiment')),
      },
      hostile:
        this.#criteria.act === 'change'
          ? { control: hostile, experiment: hostile }
          : { control: emptyProbeTally, experiment: phase === 'baseline' ? emptyProbeTally : hostile },
      healthy: { control: healthy('control'), experiment: healthy('experiment') },
    };
  }

  #failureRate(who: Arm | 'production', watched: number): number {
    const { background, effect, onset, hostOdds } = this.#situation;
    if (who !== 'experiment') return background;
    const rate = watched >= onset && effect !== background ? effect : background;
    return (hostOdds * rate) / (1 - rate + hostOdds * rate);
  }

  /** Failures of one arm's requests, charged to the budget until it is spent. */
  #failures(arm: Arm, requests: number, rate: number) {
    const { burst, keys } = this.#situation;
    const users = this.#draws.binomial(requests, rate / burst);
    let failures = users;
    if (burst > 1) for (let user = 0; user < users; user++) failures += this.#draws.poisson(burst - 1);
    const limit = this.#criteria.spec.budget.failures + Math.floor(this.#credit);
    failures = Math.min(failures, requests, Math.max(0, limit - this.#spent));
    this.#spent += failures;
    if (!keys) return { failures, newKeys: 0, failedKeys: 0 };
    const all = this.#users * timesOf(this.#criteria.spec, arm);
    const newKeys = this.#draws.binomial(requests, 1 - this.#seen[arm] / all);
    const failedKeys = this.#draws.binomial(Math.min(users, failures), 1 - this.#failed[arm] / all);
    this.#seen[arm] = Math.min(all, this.#seen[arm] + newKeys);
    this.#failed[arm] = Math.min(all, this.#failed[arm] + failedKeys);
    return { failures, newKeys, failedKeys };
  }

  #synthetic(at: number, rate: number): ProbeTally {
    const sent = this.#whole(this.#criteria.spec.probes.legitimateRate, at);
    const failed = this.#draws.binomial(sent, rate);
    return {
      ...emptyProbeTally,
      sent,
      classes: classes(sent - failed, 0, failed),
      accepted: sent - failed,
      incidental: failed,
    };
  }

  /** A rate of a second as whole requests, spread evenly. */
  #whole(rate: number, at: number): number {
    return Math.floor(rate * (at + 1)) - Math.floor(rate * at);
  }

  /** Log-normal latencies as sparse bins of 1 %. */
  #latencies(requests: number, slower: number): Block['latency']['control'] {
    const bins: [number, number][] = [];
    const drawn = Math.min(requests, mostLatencies);
    const shift = Math.round(Math.log(slower) / lnGamma);
    for (let i = 0; i < drawn; i++) bins.push([(latencyBins[Math.floor(this.#draws.uniform() * latencyBins.length)] as number) + shift, 1]);
    return bins;
  }
}

const lnGamma = Math.log(1.01 / 0.99);
/** Bins at evenly spaced ranks of the log-normal law. */
const latencyBins: readonly number[] = Array.from({ length: 1024 }, (_, i) =>
  Math.ceil((Math.log(medianMs) + spread * normalQuantile((i + 0.5) / 1024)) / lnGamma),
);

/** The standard normal quantile by bisection of a numerical integral's closed approximation (Abramowitz & Stegun 26.2.17, error below 1e-7). */
function normalQuantile(p: number): number {
  if (p < 0.5) return -normalQuantile(1 - p);
  let low = 0;
  let high = 8;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    const t = 1 / (1 + 0.2316419 * middle);
    const tail =
      (Math.exp((-middle * middle) / 2) / Math.sqrt(2 * Math.PI)) *
      t *
      (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    if (1 - tail < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function tally(requests: number, failures: number): Tally {
  return { requests, failures, classes: classes(requests - failures, 0, failures) };
}

function refusals(sent: number): ProbeTally {
  return { ...emptyProbeTally, sent, classes: classes(0, sent, 0), denied: sent };
}

const successAt = answerClasses.indexOf('success');
const unauthorisedAt = answerClasses.indexOf('unauthorised');
const serverErrorAt = answerClasses.indexOf('server-error');

function classes(success: number, unauthorised: number, serverError: number): readonly number[] {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  counts[successAt] = success;
  counts[unauthorisedAt] = unauthorised;
  counts[serverErrorAt] = serverError;
  return counts;
}
