import { alternativeGrid } from '../live/mixture-test.ts';
import { lnGamma } from '../special/ln-gamma.ts';
import { logSumExp } from '../special/log-sum-exp.ts';

/** A test and a world for it: rates are failures per request, requests per second and arm. */
export type PlannedTest = {
  readonly alpha: number;
  /** Tolerated odds ratio. */
  readonly psi0: number;
  readonly controlRate: number;
  readonly experimentRate: number;
  readonly controlPerSecond: number;
  readonly experimentPerSecond: number;
  /** The longest that anyone would watch. */
  readonly seconds: number;
  /** Weight of an immediate onset; default 0.8, as the live test is run. */
  readonly first?: number;
};

/** When a planned test stops: `byEvent[m]` is the chance that it stops at the m-th failure of both arms. */
export type StoppingLaw = { readonly byEvent: Float64Array; readonly failuresPerSecond: number; readonly seconds: number };

const negligible = 1e-14;
/** More failures than this are not followed; the rest of the run counts as not stopped, which errs on the careful side. */
const mostFailures = 40_000;

/** The largest failure count that a Poisson variable of this mean passes only negligibly. */
function mostEvents(mean: number): number {
  return Math.min(mostFailures, Math.ceil(mean + 8 * Math.sqrt(mean + 1) + 20));
}

function checkPlanned({ controlRate, experimentRate, controlPerSecond, experimentPerSecond, seconds }: PlannedTest): void {
  for (const [name, rate] of Object.entries({ controlRate, experimentRate })) {
    if (!(rate >= 0 && rate <= 1)) throw new RangeError(`${name} is ${rate}; give a failure rate from 0 to 1`);
  }
  for (const [name, value] of Object.entries({ controlPerSecond, experimentPerSecond, seconds })) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name} is ${value}; give a positive number`);
  }
}

/** The law of the experiment's failures after one failure more, which is its own with chance `mine`. */
function oneFailureMore(mass: Float64Array, mine: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(mass.length + 1);
  mass.forEach((p, i) => {
    next[i] = (next[i] as number) + p * (1 - mine);
    next[i + 1] = p * mine;
  });
  return next;
}

/**
 * The exact law of the stopping time of the plain test for Poisson failures (F7 form, late onsets left out, a look at each failure):
 * given the m-th failure, it is the experiment's with a fixed chance, so E depends only on (m, x_e) and the law is a walk with an
 * absorbing edge. Rates above some 5 % make the live test a little quicker than this says. No effect beyond psi0 gives the false-stop law.
 */
export function stoppingLaw(planned: PlannedTest): StoppingLaw {
  const { alpha, psi0, controlRate, experimentRate, controlPerSecond, experimentPerSecond, seconds, first = 0.8 } = planned;
  checkPlanned(planned);
  const control = controlRate * controlPerSecond;
  const experiment = experimentRate * experimentPerSecond;
  const failuresPerSecond = control + experiment;
  if (failuresPerSecond === 0) return { byEvent: new Float64Array(1), failuresPerSecond, seconds };
  const mine = experiment / failuresPerSecond;
  const share = experimentPerSecond / (experimentPerSecond + controlPerSecond);
  const slope = alternativeGrid.map((g) => Math.log(g));
  const cost = alternativeGrid.map((g) => Math.log((1 - share + share * psi0 * g) / (1 - share + share * psi0)));
  const weight = Math.log(first / alternativeGrid.length);
  const goal = -Math.log(alpha);
  const idle = first < 1 ? Math.log(1 - first) : Number.NEGATIVE_INFINITY;
  const crosses = (m: number, x: number): boolean =>
    logSumExp([idle, ...slope.map((s, k) => weight + x * s - m * (cost[k] as number))]) >= goal;

  const last = mostEvents(failuresPerSecond * seconds);
  const byEvent = new Float64Array(last + 1);
  // mass[i] is the chance of x = from + i experiment failures without having stopped; the window follows it.
  let mass = new Float64Array([1]);
  let from = 0;
  let edge = 1;
  for (let m = 1; m <= last; m++) {
    const next = oneFailureMore(mass, mine);
    // The stopping edge only rises with m.
    while (edge <= m && !crosses(m, edge)) edge++;
    let end = next.length;
    while (end > 0 && from + end - 1 >= edge) {
      end -= 1;
      byEvent[m] = (byEvent[m] as number) + (next[end] as number);
    }
    let start = 0;
    while (start < end && (next[start] as number) < negligible) start++;
    while (end > start && (next[end - 1] as number) < negligible) end--;
    mass = next.slice(start, end);
    from += start;
    if (mass.length === 0) return { byEvent: byEvent.slice(0, m + 1), failuresPerSecond, seconds };
  }
  return { byEvent, failuresPerSecond, seconds };
}

/** P(Poisson(mean) ≥ k) for k = 0..size−1. */
function poissonTails(mean: number, size: number): Float64Array {
  const tails = new Float64Array(size);
  let tail = 1;
  for (let k = 0; k < size; k++) {
    tails[k] = tail;
    const p = mean === 0 ? (k === 0 ? 1 : 0) : Math.exp(k * Math.log(mean) - mean - lnGamma(k + 1));
    tail = Math.max(0, tail - p);
  }
  return tails;
}

/** The chance that the test has stopped within `seconds`. */
export function chanceStopped(law: StoppingLaw, seconds: number): number {
  // It has when its stopping failure has come: the m-th is there with chance P(N >= m).
  const tails = poissonTails(law.failuresPerSecond * seconds, law.byEvent.length);
  return Math.min(
    1,
    tails.reduce((sum, tail, m) => sum + tail * (law.byEvent[m] as number), 0),
  );
}

/** The mean time to stop among runs that stop within the planned time, in seconds; null when fewer than one in a million do. */
export function expectedSecondsToStop(law: StoppingLaw): number | null {
  const { byEvent, failuresPerSecond: rate, seconds } = law;
  // The m-th failure is at time t <= T with chance P(N >= m); its mean time on that event is m/rate · P(N >= m + 1).
  const tails = poissonTails(rate * seconds, byEvent.length + 1);
  let chance = 0;
  let time = 0;
  byEvent.forEach((p, m) => {
    chance += p * (tails[m] as number);
    time += p * (m / rate) * (tails[m + 1] as number);
  });
  return chance < 1e-6 ? null : time / chance;
}

/** The time by which the test has stopped with this chance; null when not within the planned time. */
export function secondsToStop(law: StoppingLaw, chance: number): number | null {
  if (chanceStopped(law, law.seconds) < chance) return null;
  let low = 0;
  let high = law.seconds;
  for (let i = 0; i < 40 && high - low > 1e-3; i++) {
    const middle = (low + high) / 2;
    if (chanceStopped(law, middle) >= chance) high = middle;
    else low = middle;
  }
  return high;
}
