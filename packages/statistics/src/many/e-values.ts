import { logSumExp } from '../special/log-sum-exp.ts';

function checkE(e: readonly number[]): void {
  e.forEach((value, i) => {
    if (!(value >= 0)) throw new RangeError(`e[${i}] is ${value}; e-values are at least 0`);
  });
}

/** The weighted mean of e-values (F21): an e-value for "nothing is wrong anywhere", whatever the dependence. Average current values, never running maxima. */
export function eMean(e: readonly number[], weights: readonly number[] = e.map(() => 1 / e.length)): number {
  checkE(e);
  return e.reduce((sum, value, i) => sum + value * (weights[i] as number), 0);
}

/** ln of the weighted mean, from ln e-values: finite where `eMean` would overflow. The weights add up to 1. */
export function logEMean(logE: readonly number[], weights: readonly number[] = logE.map(() => 1 / logE.length)): number {
  return logSumExp(logE.map((value, i) => value + Math.log(weights[i] as number)));
}

/** ln of the e-Holm adjusted values, from ln e-values. See `eHolm`. */
export function logEHolm(logE: readonly number[]): number[] {
  const rising = [...logE].sort((a, b) => a - b);
  return logE.map((own) => {
    // The smallest mean over sets holding `own`: add the smallest others one by one and keep the least.
    let least = own;
    let skipped = false;
    const set = [own];
    for (const value of rising) {
      if (!skipped && value === own) {
        skipped = true;
        continue;
      }
      set.push(value);
      least = Math.min(least, logSumExp(set) - Math.log(set.length));
    }
    return least;
  });
}

/**
 * e-Holm (F21; Vovk & Wang 2021): for each metric the smallest mean over all sets that hold it. Those at 1/alpha or more may be
 * named; the chance of naming a sound one is at most alpha over all metrics together.
 */
export function eHolm(e: readonly number[]): number[] {
  checkE(e);
  const rising = [...e].sort((a, b) => a - b);
  return e.map((own) => {
    let least = own;
    let sum = own;
    let size = 1;
    let skipped = false;
    for (const value of rising) {
      if (!skipped && value === own) {
        skipped = true;
        continue;
      }
      sum += value;
      size += 1;
      least = Math.min(least, sum / size);
    }
    return least;
  });
}

/** e-BH (F21; Wang & Ramdas 2022): indices, rising, of the discoveries at false discovery rate alpha under any dependence. */
export function eBenjaminiHochberg(e: readonly number[], alpha: number): number[] {
  checkE(e);
  const order = e.map((_, i) => i).sort((i, j) => (e[j] as number) - (e[i] as number));
  let kept = 0;
  order.forEach((index, i) => {
    if ((e[index] as number) >= e.length / ((i + 1) * alpha)) kept = i + 1;
  });
  return order.slice(0, kept).sort((i, j) => i - j);
}
