import type { Criteria, StopReason } from '@haldane/core';
import { type SimulatedRun, simulateRun } from './simulate-run.ts';
import { type Situation, type SituationOptions, situationsOf } from './situations.ts';

/** A measured share with its standard error. */
export type Measured = { readonly share: number; readonly error: number };

/** What the judge did in one situation, over all its runs. */
export type RehearsedSituation = {
  readonly situation: Situation;
  readonly runs: number;
  /** Harm was called proven: false where the situation is harmless, right where it is harmful. */
  readonly accused: Measured;
  /** Strong enough to block a deploy. */
  readonly blocked: Measured;
  /** The budget ended the run without proof: nobody is accused. */
  readonly budgetSpent: Measured;
  /** Called incomparable. */
  readonly voided: Measured;
  /** Ended any other way before its time, such as by a gap. */
  readonly otherwise: Measured;
  /** Ended as if nothing were wrong, with a verdict of resilient. */
  readonly passed: Measured;
  /** Harmful and yet not stopped, neither by proof nor by the budget; null where there was nothing to miss. */
  readonly missed: Measured | null;
  /** Seconds from the onset to the stop that proof or the budget made; null where none did. */
  readonly delay: { readonly mean: number; readonly error: number; readonly p95: number } | null;
};

export type RehearsalOptions = SituationOptions & {
  /** Runs of each situation. */
  readonly runs: number;
  readonly seed: number;
  /** Real requests a second in each arm. */
  readonly perSecond: number;
};

/**
 * Runs the criteria through the judge itself on a virtual clock, situation by situation, and yields what was measured. Run i of
 * situation s has a seed made from both, so that each row can be made again by itself. Pure; the caller may stop between any two.
 */
export function* rehearse(
  criteria: Criteria,
  options: RehearsalOptions,
): Generator<{ readonly situation: Situation; readonly done: number; readonly of: number; readonly row: RehearsedSituation | null }> {
  const certain: Criteria = { ...criteria, changes: Math.max(1, criteria.changes), spec: { ...criteria.spec, fault: true, noticed: null } };
  for (const [place, situation] of situationsOf(criteria, options).entries()) {
    const ended: Ended[] = [];
    for (let run = 0; run < options.runs; run++) {
      ended.push(endOf(simulateRun(certain, situation, options.perSecond, seedOf(options.seed, place, run))));
      const row = run + 1 === options.runs ? measure(situation, ended) : null;
      if (row !== null || run % 20 === 19) yield { situation, done: run + 1, of: options.runs, row };
    }
  }
}

/** Spreads seeds apart, so that neighbouring runs share nothing. */
function seedOf(seed: number, place: number, run: number): number {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(place + 1, 0x85ebca6b) ^ Math.imul(run + 1, 0xc2b2ae35)) >>> 0;
}

type Ended = {
  readonly kind: 'accused' | 'budget' | 'void' | 'other' | 'end';
  readonly blocked: boolean;
  readonly passed: boolean;
  readonly delay: number | null;
};

function endOf({ stop, delay, verdict }: SimulatedRun): Ended {
  return {
    // Harm may be proven in the very second that spends the budget: what is said of the service counts.
    kind: verdict.verdict === 'vulnerable' ? 'accused' : kindOf(stop),
    blocked: verdict.record.strength === 'block' && verdict.verdict !== 'invalid',
    passed: verdict.verdict === 'resilient',
    delay,
  };
}

function kindOf(stop: StopReason | null): Ended['kind'] {
  switch (stop) {
    case null:
      return 'end';
    case 'harm-proven':
    case 'breach':
    case 'suspected-open':
      return 'accused';
    case 'budget-spent':
      return 'budget';
    case 'invalid-arms':
    case 'spillover':
      return 'void';
    case 'refused':
    case 'target-changed':
    case 'interference':
    case 'metrics-unavailable':
    case 'deadline':
    case 'operator':
    case 'halted':
    case 'lease-lost':
    case 'error':
      return 'other';
  }
}

function measure(situation: Situation, ended: readonly Ended[]): RehearsedSituation {
  const share = (counts: (one: Ended) => boolean): Measured => {
    const p = ended.filter(counts).length / ended.length;
    return { share: p, error: Math.sqrt((p * (1 - p)) / ended.length) };
  };
  const found = (one: Ended) => (one.kind === 'accused' || one.kind === 'budget') && (one.delay ?? -1) >= 0;
  return {
    situation,
    runs: ended.length,
    accused: share((one) => one.kind === 'accused'),
    blocked: share((one) => one.blocked),
    budgetSpent: share((one) => one.kind === 'budget'),
    voided: share((one) => one.kind === 'void'),
    otherwise: share((one) => one.kind === 'other'),
    passed: share((one) => one.passed),
    missed: situation.harmful ? share((one) => !found(one)) : null,
    delay: delayOf(ended.filter(found).map((one) => one.delay as number)),
  };
}

function delayOf(delays: readonly number[]): RehearsedSituation['delay'] {
  if (delays.length === 0) return null;
  const mean = delays.reduce((sum, one) => sum + one, 0) / delays.length;
  const variance = delays.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, delays.length - 1);
  const sorted = [...delays].sort((a, b) => a - b);
  return { mean, error: Math.sqrt(variance / delays.length), p95: sorted[Math.ceil(0.95 * sorted.length) - 1] as number };
}
