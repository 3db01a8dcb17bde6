import { asymptoticMeanDifference } from '../classic/asymptotic-interval.ts';
import { logBetaBinomialE } from '../classic/beta-binomial-test.ts';
import { kayentaInterval, mannWhitney } from '../classic/mann-whitney.ts';
import type { ArmCounts } from '../live/arm-counts.ts';
import { normalQuantileUpper } from '../special/normal.ts';

/** What others ship, to compare with: none of it is used to judge. */
export const yardstickNames = [
  'z-test each second, .05',
  'z-test each second, .01',
  'Mann-Whitney each minute, .05',
  'Mann-Whitney each minute, .01',
  'Kayenta each minute',
  'Flagger <99 %, 5 bad minutes',
  'Lindon-Malek k=100, .05',
  'Lindon-Malek k=100, .01',
  'asymptotic sequence, .05',
  'asymptotic sequence, .01',
] as const;

type Yardstick = (typeof yardstickNames)[number];

const zOf = { '.05': normalQuantileUpper(0.05), '.01': normalQuantileUpper(0.01) };
const levels = [
  ['.05', 0.05],
  ['.01', 0.01],
] as const;
/** Mann-Whitney and Kayenta need 5 points an arm and get at most 60, as in the specification. */
const fewestPoints = 5;
const mostPoints = 60;

/** All yardsticks over one run. Mann-Whitney, Kayenta and Flagger see one point a minute, the others every second. */
export class Yardsticks {
  /** The second at which each stopped. */
  readonly stoppedAt = new Map<Yardstick, number>();
  #total: ArmCounts = { xe: 0, ne: 0, xc: 0, nc: 0 };
  #minute: ArmCounts = { xe: 0, ne: 0, xc: 0, nc: 0 };
  readonly #experiment: number[] = [];
  readonly #control: number[] = [];
  #badMinutes = 0;

  step(block: ArmCounts, second: number): void {
    this.#minute = add(this.#minute, block);
    if (block.xe + block.xc > 0) {
      this.#total = add(this.#total, block);
      this.#everySecond(second);
    } else {
      this.#total = { ...this.#total, ne: this.#total.ne + block.ne, nc: this.#total.nc + block.nc };
    }
    if (second % 60 === 0) this.#everyMinute(second);
  }

  /** True once nothing that looks every second has anything left to wait for. */
  get quickOnesStopped(): boolean {
    return this.#has('z-test each second, .01') && this.#has('Lindon-Malek k=100, .01') && this.#has('asymptotic sequence, .01');
  }

  /** True once all but Flagger, which never stops below its threshold, have stopped. */
  get stopped(): boolean {
    return this.quickOnesStopped && this.#has('Mann-Whitney each minute, .01') && this.#has('Kayenta each minute');
  }

  #has(name: Yardstick): boolean {
    return this.stoppedAt.has(name);
  }

  #stop(name: Yardstick, second: number): void {
    if (!this.stoppedAt.has(name)) this.stoppedAt.set(name, second);
  }

  #everySecond(second: number): void {
    const { xe, ne, xc, nc } = this.#total;
    const difference = xe / ne - xc / nc;
    if (difference <= 0) return;
    const pooled = (xe + xc) / (ne + nc);
    const z = difference / Math.sqrt(pooled * (1 - pooled) * (1 / ne + 1 / nc));
    for (const [level, alpha] of levels) {
      if (xe + xc >= 5 && z > zOf[level]) this.#stop(`z-test each second, ${level}`, second);
      if (!this.#has(`Lindon-Malek k=100, ${level}`) && logBetaBinomialE(xe, xc, 0.5, 50, 50) >= -Math.log(alpha))
        this.#stop(`Lindon-Malek k=100, ${level}`, second);
      // A lower bound above 0 needs at least the z that a single look would.
      if (xe + xc >= 5 && z > zOf[level] && !this.#has(`asymptotic sequence, ${level}`)) {
        const sums = (x: number, n: number) => ({ sum: x, sumOfSquares: x, n });
        if (asymptoticMeanDifference(sums(xc, nc), sums(xe, ne), alpha, 5000).lower > 0)
          this.#stop(`asymptotic sequence, ${level}`, second);
      }
    }
  }

  #everyMinute(second: number): void {
    const { xe, ne, xc, nc } = this.#minute;
    this.#minute = { xe: 0, ne: 0, xc: 0, nc: 0 };
    if (ne === 0 || nc === 0) return;
    this.#badMinutes += xe / ne > 0.01 ? 1 : 0;
    if (this.#badMinutes >= 5) this.#stop('Flagger <99 %, 5 bad minutes', second);
    if (this.#experiment.length >= mostPoints) return;
    this.#experiment.push(xe / ne);
    this.#control.push(xc / nc);
    if (this.#experiment.length < fewestPoints) return;
    const { pGreater } = mannWhitney(this.#experiment, this.#control);
    for (const [level, alpha] of levels) if (pGreater < alpha) this.#stop(`Mann-Whitney each minute, ${level}`, second);
    // The interval's lower end is above 0 only when a shift of 0 is rejected at 1 %: else the costly inversion says nothing.
    if (pGreater < 0.0101 && !this.#has('Kayenta each minute')) {
      const { lower, estimate } = kayentaInterval(this.#experiment, this.#control, 0.98);
      if (lower > 0.25 * Math.abs(estimate)) this.#stop('Kayenta each minute', second);
    }
  }
}

function add(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { xe: a.xe + b.xe, ne: a.ne + b.ne, xc: a.xc + b.xc, nc: a.nc + b.nc };
}
