/**
 * A root of `f` between `low` and `high`, where f changes sign, by bisection with secant steps (Illinois) until the
 * bracket is a few units in the last place wide. Throws RangeError when f has the same sign at both ends.
 */
export function findRoot(f: (x: number) => number, low: number, high: number): number {
  let a = low;
  let b = high;
  let fa = f(a);
  let fb = f(b);
  if (fa === 0) return a;
  if (fb === 0) return b;
  if (Number.isNaN(fa) || Number.isNaN(fb) || fa > 0 === fb > 0) {
    throw new RangeError(`findRoot: no change of sign between low=${low} (f=${fa}) and high=${high} (f=${fb}); widen the bracket`);
  }
  for (let i = 0; i < 400; i++) {
    const width = Math.abs(b - a);
    if (width <= 4 * Number.EPSILON * Math.max(Math.abs(a), Math.abs(b))) break;
    const x = between(a, b, fa, fb, i % 3 === 2);
    if (x === a || x === b) break;
    const fx = f(x);
    if (fx === 0) return x;
    if (fx > 0 === fb > 0) {
      fa /= 2;
    } else {
      a = b;
      fa = fb;
    }
    b = x;
    fb = fx;
  }
  return Math.abs(fb) < Math.abs(fa) ? b : a;
}

/** The secant's zero, or the middle when that is asked for, not finite or outside. Every third step halves, so a flat side cannot hold it back for ever. */
function between(a: number, b: number, fa: number, fb: number, halve: boolean): number {
  const middle = a + (b - a) / 2;
  if (halve || !Number.isFinite(fa) || !Number.isFinite(fb)) return middle;
  const x = b - (fb * (b - a)) / (fb - fa);
  return x > Math.min(a, b) && x < Math.max(a, b) ? x : middle;
}
