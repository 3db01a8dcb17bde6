const prior = 0.18;

/**
 * ln E of the safe test of two proportions (F20; Turner, Ly & Grünwald 2024): blocks of na and nb trials with ya and yb
 * successes; each block's rates are learned from the blocks before it, `betaPrior` successes and failures to begin with.
 */
export function logSafeTwoByTwo(ya: readonly number[], yb: readonly number[], na: number, nb: number, betaPrior = prior): number {
  let a = 0;
  let b = 0;
  let logE = 0;
  ya.forEach((successA, i) => {
    const successB = yb[i] as number;
    const thetaA = (a + betaPrior) / (i * na + 2 * betaPrior);
    const thetaB = (b + betaPrior) / (i * nb + 2 * betaPrior);
    const theta0 = (na * thetaA + nb * thetaB) / (na + nb);
    const log = (y: number, n: number, theta: number): number => y * Math.log(theta) + (n - y) * Math.log1p(-theta);
    logE += log(successA, na, thetaA) + log(successB, nb, thetaB) - log(successA + successB, na + nb, theta0);
    a += successA;
    b += successB;
  });
  return logE;
}
