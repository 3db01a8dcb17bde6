function checkAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha is ${alpha}; give a probability strictly between 0 and 1`);
}

/**
 * How many clean answers in a row it takes to claim "rate below pMax" at confidence 1 − alpha (F18): ln(alpha)/ln(1 − pMax),
 * rounded up. Looking early costs nothing: on the path without an event the crossing time is fixed beforehand.
 */
export function zeroEventsNeeded(pMax: number, alpha: number): number {
  return Math.ceil(zeroEventsNeededExactly(pMax, alpha) - 1e-9);
}

/** The same before rounding. */
export function zeroEventsNeededExactly(pMax: number, alpha: number): number {
  checkAlpha(alpha);
  if (!(pMax > 0 && pMax < 1)) throw new RangeError(`pMax is ${pMax}; give a rate strictly between 0 and 1`);
  return Math.log(alpha) / Math.log1p(-pMax);
}

/** The rate that n clean answers and no event exclude at confidence 1 − alpha (F18): 1 − alpha^(1/n). 1 when n is 0. */
export function zeroEventsBound(n: number, alpha: number): number {
  checkAlpha(alpha);
  if (!(n >= 0)) throw new RangeError(`n is ${n}; give the number of clean answers, at least 0`);
  return n === 0 ? 1 : -Math.expm1(Math.log(alpha) / n);
}
