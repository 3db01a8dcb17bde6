/** x ln(x/mean) + mean − x, x at least 0 and mean above 0, without cancellation near x = mean (Loader's bd0). */
export function deviance(x: number, mean: number): number {
  if (x === 0) return mean;
  const d = x - mean;
  if (Math.abs(d) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - d;
  const v = d / (x + mean);
  let sum = d * v;
  let term = 2 * x * v;
  for (let j = 1; j < 1000; j++) {
    term *= v * v;
    const next = sum + term / (2 * j + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}
