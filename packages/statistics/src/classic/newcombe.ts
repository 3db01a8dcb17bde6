import { normalQuantileUpper } from '../special/normal.ts';

function wilson(x: number, n: number, z: number): readonly [number, number] {
  const p = x / n;
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [(p + (z * z) / (2 * n) - half) / (1 + (z * z) / n), (p + (z * z) / (2 * n) + half) / (1 + (z * z) / n)];
}

/** Newcombe's hybrid score interval for p1 − p2 (F16; method 10). Fixed sample size: for one look only. */
export function newcombeInterval(x1: number, n1: number, x2: number, n2: number, alpha: number): readonly [number, number] {
  const z = normalQuantileUpper(alpha / 2);
  const [l1, u1] = wilson(x1, n1, z);
  const [l2, u2] = wilson(x2, n2, z);
  const p1 = x1 / n1;
  const p2 = x2 / n2;
  return [p1 - p2 - Math.hypot(p1 - l1, u2 - p2), p1 - p2 + Math.hypot(u1 - p1, p2 - l2)];
}
