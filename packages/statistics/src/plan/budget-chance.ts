/**
 * The chance that a sound service spends the failure budget: that failures of both arms together reach
 * cap + creditRate·(requests so far) within `requests` admitted requests, each failing with chance `rate` (Poisson).
 * The credit grows in whole failures, as the router counts.
 */
export function chanceBudgetSpent(rate: number, requests: number, cap: number, creditRate: number): number {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`rate is ${rate}; give a failure rate from 0 to 1`);
  if (!(requests >= 0 && Number.isFinite(requests)))
    throw new RangeError(`requests is ${requests}; give how many requests both arms get together`);
  if (!(cap >= 0)) throw new RangeError(`cap is ${cap}; give the failures that the budget allows`);
  if (!(creditRate >= 0)) throw new RangeError(`creditRate is ${creditRate}; give a rate of at least 0`);
  const step = creditRate > 0 ? 1 / creditRate : requests;
  const steps = creditRate > 0 ? Math.min(Math.floor(requests / step), 5000) : 0;
  const width = steps > 0 ? requests / (steps + 1) : requests;
  const perStep = creditRate > 0 && steps === 5000 ? (creditRate * requests) / (steps + 1) : 1;
  let alive = new Float64Array([1]);
  let limit = Math.ceil(cap);
  let level = cap;
  for (let i = 0; i <= steps; i++) {
    alive = addFailures(alive, poissonLaw(rate * width), Math.max(limit, 0));
    level += perStep;
    limit = Math.ceil(level);
  }
  return Math.min(1, Math.max(0, 1 - alive.reduce((sum, p) => sum + p, 0)));
}

/** The law of a sum of failures, as far as it stays below `limit`: what reaches it has spent the budget. */
function addFailures(law: Float64Array, more: Float64Array, limit: number): Float64Array<ArrayBuffer> {
  const sum = new Float64Array(limit);
  law.forEach((mass, x) => {
    for (let k = 0; k < more.length && x + k < limit; k++) sum[x + k] = (sum[x + k] as number) + mass * (more[k] as number);
  });
  return sum;
}

/** P(Poisson(mean) = k) from 0 to where it no longer matters. */
function poissonLaw(mean: number): Float64Array {
  const law: number[] = [];
  const top = Math.ceil(mean + 12 * Math.sqrt(mean + 1) + 12);
  let log = -mean;
  for (let k = 0; k <= top; k++) {
    law.push(Math.exp(log));
    log += Math.log(mean) - Math.log(k + 1);
  }
  return mean === 0 ? new Float64Array([1]) : Float64Array.from(law);
}

/** The smallest whole cap that a sound service spends with at most this chance. */
export function smallestSensibleBudget(rate: number, requests: number, creditRate: number, mostChance: number): number {
  if (!(mostChance > 0 && mostChance < 1)) throw new RangeError(`mostChance is ${mostChance}; give a probability strictly between 0 and 1`);
  const fits = (cap: number): boolean => chanceBudgetSpent(rate, requests, cap, creditRate) <= mostChance;
  let high = 1;
  while (!fits(high)) high *= 2;
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}
