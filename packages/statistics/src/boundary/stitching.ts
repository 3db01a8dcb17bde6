/** Riemann's zeta function for s > 1, by Euler and Maclaurin. */
export function zeta(s: number): number {
  const n = 20;
  let sum = 0;
  for (let k = 1; k < n; k++) sum += k ** -s;
  sum += n ** (1 - s) / (s - 1) + 0.5 * n ** -s;
  // B_2j/(2j)! · s(s+1)…(s+2j−2) · n^(−s−2j+1)
  const bernoulli = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000];
  let factor = s * n ** (-s - 1);
  bernoulli.forEach((b, i) => {
    sum += b * factor;
    const j = 2 * i + 1;
    factor *= ((s + j) * (s + j + 1)) / (n * n);
  });
  return sum;
}

function constants(eta: number): { readonly k1: number; readonly k2: number } {
  return { k1: (eta ** 0.25 + eta ** -0.25) / Math.SQRT2, k2: (Math.sqrt(eta) + 1) / 2 };
}

/** The polynomial stitched boundary (F10; Howard et al. 2021, Theorem 1) at intrinsic time v for scale c. */
export function polyStitchingBound(v: number, alpha: number, vMin: number, c: number, s: number, eta: number): number {
  const { k1, k2 } = constants(eta);
  const time = Math.max(v, vMin);
  const ell = s * Math.log(Math.log((eta * time) / vMin)) + Math.log(zeta(s) / (alpha * Math.log(eta) ** s));
  const linear = k2 * c * ell;
  return Math.sqrt(k1 * k1 * time * ell + linear * linear) + linear;
}

/** The doubly stitched boundary, uniform in time and in the quantile p (Howard & Ramdas 2022, Theorem 3); divide by t for a radius of the distribution function. */
export function doubleStitchingBound(p: number, t: number, alpha: number, tOpt: number, delta: number, s: number, eta: number): number {
  const { k1, k2 } = constants(eta);
  const time = Math.max(t, tOpt);
  const logit = Math.log(p / (1 - p));
  const r = p >= 0.5 ? p : Math.min(0.5, 1 / (1 + Math.exp(-(logit + 2 * delta * Math.sqrt((tOpt * eta) / time)))));
  const variance = r * (1 - r);
  const epoch = (Math.sqrt(time / tOpt) * Math.abs(logit)) / (2 * delta) + 1;
  const z = zeta(s);
  const ell =
    s * Math.log(Math.log((eta * time) / tOpt)) + s * Math.log(epoch) + Math.log((2 * z * (2 * z + 1)) / (alpha * Math.log(eta) ** s));
  const linear = (k2 * (1 - 2 * p) * ell) / 3;
  return delta * Math.sqrt((eta * time * variance) / tOpt) + Math.sqrt(k1 * k1 * variance * time * ell + linear * linear) + linear;
}
