/** ln cosh without overflow. */
function lnCosh(x: number): number {
  const size = Math.abs(x);
  return size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
}

/**
 * ln E that block differences lean upwards (F26): Σ(lambda D − ln cosh(lambda D)). For failures that depend on each other and
 * have no user ids: equal arms, blocks of at least twice the correlation time, lambda chosen before the block. Slow: a block at most doubles E.
 */
export function logSymmetryE(differences: readonly number[], lambdas: readonly number[]): number {
  if (differences.length !== lambdas.length)
    throw new RangeError(`differences has ${differences.length} and lambdas ${lambdas.length} entries; give one for each`);
  return differences.reduce((sum, d, i) => {
    const bet = (lambdas[i] as number) * d;
    return sum + bet - lnCosh(bet);
  }, 0);
}
