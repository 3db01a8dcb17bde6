/** Stirling's series for ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π], x ≥ 10. Relative error of ln Γ below 1e-16. */
export function stirlingError(x: number): number {
  const i = 1 / (x * x);
  return (
    (1 / 12 +
      i * (-1 / 360 + i * (1 / 1260 + i * (-1 / 1680 + i * (1 / 1188 + i * (-691 / 360360 + i * (1 / 156 + i * (-3617 / 122400)))))))) /
    x
  );
}

const halfLog2Pi = 0.9189385332046727;
const shiftTo = 12;

/** ln Γ(x) for x > 0, by shifting x up to 12 and Stirling's series there; absolute error near 1e-15 times the larger of 1 and the result. NaN for x ≤ 0. */
export function lnGamma(x: number): number {
  if (!(x > 0)) return Number.NaN;
  if (x === 1 || x === 2) return 0;
  if (x >= shiftTo) return (x - 0.5) * Math.log(x) - x + halfLog2Pi + stirlingError(x);
  let product = 1;
  let y = x;
  while (y < shiftTo) {
    product *= y;
    y += 1;
  }
  return (y - 0.5) * Math.log(y) - y + halfLog2Pi + stirlingError(y) - Math.log(product);
}

/** ln of the beta function B(a, b), a and b > 0. */
export function lnBeta(a: number, b: number): number {
  return lnGamma(a) + lnGamma(b) - lnGamma(a + b);
}
