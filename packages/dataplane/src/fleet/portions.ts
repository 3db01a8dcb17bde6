/**
 * Splits `total` whole units by these weights (0 or more; all 0: alike), so that the portions sum to exactly `total`: each gets the whole
 * part of its due, and what is left goes one by one to the largest remainders, the earlier one where they are equal.
 */
export function portions(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((all, one) => all + one, 0);
  const due = weights.map((weight) => (sum > 0 ? (total * weight) / sum : total / weights.length));
  const whole = due.map(Math.floor);
  let left = total - whole.reduce((all, one) => all + one, 0);
  const byRemainder = due.map((one, i) => ({ i, rest: one - Math.floor(one) })).sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (const { i } of byRemainder) {
    if (left <= 0) break;
    whole[i] = (whole[i] ?? 0) + 1;
    left -= 1;
  }
  return whole;
}
