import { HaldaneError } from '@haldane/core';

/** AWS: a weight is a whole number from 0 to 999. */
const mostWeight = 999;
/** How far from the wanted share the nearest one may be, as a part of it. */
const offByAtMost = 0.05;

export type ShareWeights = {
  /** One for each weight that was given, in the same proportion to each other. */
  readonly production: readonly number[];
  /** Of each of ours. */
  readonly arm: number;
  /** What each of ours really gets. */
  readonly share: number;
};

/**
 * Weights that give each of so many target groups of ours (the two arms) this share (0..1) and leave the rest to production in the proportions that it has. The nearest that
 * whole numbers allow: with one production group the smallest is 1 : 998, a share of 0.1 %. Throws `refused` when nothing comes near.
 */
export function shareWeights(weights: readonly number[], share: number, ours = 2): ShareWeights {
  const unit = weights.reduce(divisor, 0);
  if (unit === 0) throw new HaldaneError('refused', 'every target group of the rule has weight 0: there is no traffic to take a share of');
  const least = weights.map((weight) => weight / unit);
  const sum = least.reduce((total, weight) => total + weight, 0);
  let best: ShareWeights | null = null;
  for (let times = 1; times * Math.max(...least) <= mostWeight; times += 1) {
    const rest = sum * times;
    const arm = Math.round((share * rest) / (1 - ours * share));
    if (arm < 1 || arm > mostWeight) continue;
    const reached = arm / (rest + ours * arm);
    if (best === null || Math.abs(reached - share) < Math.abs(best.share - share) - 1e-12)
      best = { production: least.map((weight) => weight * times), arm, share: reached };
  }
  if (best === null || Math.abs(best.share - share) > share * offByAtMost) {
    const nearest = best === null ? 'none comes near' : `the nearest is ${Number((best.share * 100).toPrecision(3))} %`;
    throw new HaldaneError(
      'refused',
      `share ${share} cannot be said in whole weights up to ${mostWeight} beside production's ${weights.join(':')}: ${nearest}; the smallest is about 0.1 %, the largest below ${100 / ours} %`,
    );
  }
  return best;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
