/** A seeded source of chance: the same seed gives the same numbers on every machine (mulberry32). */
export type Draws = {
  /** Uniform in [0, 1). */
  readonly uniform: () => number;
  /** How many of n happen, each with chance p. */
  readonly binomial: (n: number, p: number) => number;
  /** A Poisson count; above a mean of 50 by its normal approximation. */
  readonly poisson: (mean: number) => number;
};

export function seededDraws(seed: number): Draws {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const binomial = (n: number, p: number): number => {
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(n, 1 - p);
    // Jumps from one happening to the next: the work is that of what happens, not that of what might.
    const scale = 1 / Math.log1p(-p);
    let count = -1;
    for (let at = -1; at < n; count++) at += 1 + Math.floor(Math.log(1 - uniform()) * scale);
    return count;
  };
  const poisson = (mean: number): number => {
    if (mean <= 0) return 0;
    if (mean > 50) {
      const normal = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
      return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
    }
    const least = Math.exp(-mean);
    let count = 0;
    for (let product = uniform(); product > least; product *= uniform()) count++;
    return count;
  };
  return { uniform, binomial, poisson };
}
