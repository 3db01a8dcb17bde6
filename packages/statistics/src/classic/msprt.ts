/** ln of the mixture SPRT for a normal mean (F13; Johari, Pekelis & Walsh): V the variance of one pair difference. */
export function logMsprt(pairs: number, meanDifference: number, variance: number, tau2: number): number {
  const total = variance + pairs * tau2;
  return 0.5 * Math.log(variance / total) + (pairs * pairs * tau2 * meanDifference * meanDifference) / (2 * variance * total);
}
