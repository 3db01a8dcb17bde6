/** ln wealth of betting that a mean in [0, 1] is above m (F19; Waudby-Smith & Ramdas 2024): Σ ln(1 + lambda_i (x_i − m)), lambda_i chosen before x_i, in [−1/(1−m), 1/m]. */
export function bettingLogWealth(x: readonly number[], m: number, lambdas: readonly number[]): number {
  if (x.length !== lambdas.length) throw new RangeError(`x has ${x.length} and lambdas ${lambdas.length} entries; give one bet for each`);
  return x.reduce((sum, value, i) => sum + Math.log1p((lambdas[i] as number) * (value - m)), 0);
}

/** Predictable plug-in bets from an empirical-Bernstein rule (F19); one made-up observation of mean 1/2 and variance 1/4 begins. Truncate before use. */
export function plugInBets(x: readonly number[], alpha: number): number[] {
  let sum = 0.5;
  let squares = 0.25;
  let variance = 0.25;
  return x.map((value, i) => {
    const t = i + 1;
    const bet = Math.sqrt((2 * Math.log(1 / alpha)) / (t * Math.log(1 + t) * variance));
    sum += value;
    const mean = sum / (t + 1);
    squares += (value - mean) ** 2;
    variance = squares / (t + 1);
    return bet;
  });
}
