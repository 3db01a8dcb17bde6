import type { Criteria } from '@haldane/core';

/** A world that an experiment may meet. Rates are failures a request; seconds count from when real users meet the change. */
export type Situation = {
  readonly id: string;
  /** In plain words. */
  readonly says: string;
  /** Whether a stop is right: the experiment truly fails its users beyond the tolerance. */
  readonly harmful: boolean;
  /** What fails anyway, in every cluster and all the time. */
  readonly background: number;
  /** What fails in the experiment from `onset` on, in place of the background. */
  readonly effect: number;
  readonly onset: number;
  /** Odds of a failure in the experiment over those in control, from the first second of the run on: uneven hosts. */
  readonly hostOdds: number;
  /** How many times as long the experiment's answers take from `onset` on. */
  readonly slower: number;
  /** Mean failures of a failing user within its second; 1: each request fails by itself. */
  readonly burst: number;
  /** How far traffic swings, and half as far the failures of every cluster (0.5: by half). */
  readonly swing: number;
  /** What failures of every cluster are multiplied with for four seconds of each minute. */
  readonly spikes: number;
  /** Whether users are told apart. */
  readonly keys: boolean;
};

export type SituationOptions = {
  /** What a sound service fails anyway, per request; the rehearsal needs some failures to be honest about false stops. */
  readonly background: number;
  /** Failure rates of the experiment that a rehearsal should find. */
  readonly effects: readonly number[];
};

const sound: Omit<Situation, 'id' | 'says' | 'background' | 'effect'> = {
  harmful: false,
  onset: 0,
  hostOdds: 1,
  slower: 1,
  burst: 1,
  swing: 0,
  spikes: 1,
  keys: true,
};

/** The situations of a rehearsal: those in which nothing may be found first, then those in which something must. */
export function situationsOf(criteria: Criteria, { background, effects }: SituationOptions): readonly Situation[] {
  const quiet = (id: string, says: string, change: Partial<Situation> = {}): Situation => ({
    ...sound,
    id,
    says,
    background,
    effect: background,
    ...change,
  });
  const harm = (id: string, says: string, change: Partial<Situation>): Situation => ({ ...quiet(id, says), harmful: true, ...change });
  const halfway = Math.round(criteria.spec.watchSeconds / 2);
  const middle = effects[Math.floor(effects.length / 2)];
  return [
    quiet('equal', 'no difference'),
    quiet('equal-requests', 'no difference, users not told apart', { keys: false }),
    quiet('bursts', 'no difference, one user fails five times in a second', { burst: 5 }),
    quiet('bursts-requests', 'the same, users not told apart', { burst: 5, keys: false }),
    quiet('drift', 'no difference, traffic swings by half and failures by a quarter everywhere', { swing: 0.5 }),
    quiet('spikes', 'no difference, failures everywhere are eight times as many for 4 s a minute', { spikes: 8 }),
    quiet('uneven-hosts', "no change, but the experiment's hosts fail with 1.2 times the odds", { hostOdds: 1.2 }),
    ...effects.map((effect) => harm(`fails-${effect}`, `${percent(effect)} of requests fail`, { effect })),
    ...(middle === undefined ? [] : [harm('late', `${percent(middle)} fail from ${halfway} s on`, { effect: middle, onset: halfway })]),
    harm('slow', 'answers take three times as long', { slower: 3 }),
  ];
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(3))} %`;
}
