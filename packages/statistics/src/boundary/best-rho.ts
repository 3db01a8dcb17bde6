/** The mixture width that makes a two-sided normal mixture boundary tightest near intrinsic time v at level alpha (F10, Howard et al. 2021). */
export function bestRho(v: number, alpha: number): number {
  const nats = Math.log(1 / alpha);
  return v / (2 * nats + Math.log(1 + 2 * nats));
}
