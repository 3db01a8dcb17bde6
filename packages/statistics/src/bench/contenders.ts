import { logSymmetryE } from '../classic/symmetry.ts';
import { failuresGivenRequests } from '../live/block-law.ts';
import { beginCountTest, stepCountTest } from '../live/count-test.ts';
import { crossed, type MixtureOptions } from '../live/mixture-test.ts';
import { beginProportionTest, stepProportionTest } from '../live/proportion-test.ts';
import type { Second } from './worlds.ts';

/** Something that looks every second and may stop: `step` is true from the second on at which it has. */
export type Contender = { step(second: Second): boolean };

type Kind = 'requests' | 'users';

/** How our tests are run: late onsets over the whole run, as the judge does it. */
export function liveOptions(alpha: number, boosted: boolean, seconds: number, psi0 = 1): MixtureOptions {
  return { alpha, psi0, onset: { first: 0.8, horizon: seconds }, boosted, interval: false };
}

/** Our test at one alpha: plain and boosted run together; `crossedPlain` tells when the plain E alone had reached 1/alpha. */
export class Live implements Contender {
  #step: (second: Second) => boolean;
  crossedPlain = false;
  /** ln of the largest plain E so far. */
  maxLogE = 0;

  constructor(kind: Kind, options: MixtureOptions) {
    const goal = -Math.log(options.alpha);
    if (kind === 'requests') {
      let test = beginProportionTest(options);
      this.#step = (second) => {
        test = stepProportionTest(test, second);
        this.maxLogE = test.maxLogE;
        this.crossedPlain = test.maxLogE >= goal;
        return crossed(test);
      };
    } else {
      let test = beginCountTest(options);
      this.#step = ({ usersE, usersC }) => {
        test = stepCountTest(test, { xe: usersE, xc: usersC, shareE: 0.5 });
        this.maxLogE = test.maxLogE;
        this.crossedPlain = test.maxLogE >= goal;
        return crossed(test);
      };
    }
  }

  step(second: Second): boolean {
    return this.#step(second);
  }
}

/** Wald's sequential test that is told the true odds ratio: ln of its likelihood ratio against 1/alpha. */
export function waldWhoKnows(psi: number, alphas: readonly number[]): { logE(): number; step(second: Second): readonly boolean[] } {
  let logE = 0;
  let most = 0;
  return {
    logE: () => logE,
    step: ({ xe, ne, xc, nc }) => {
      const law = failuresGivenRequests(xe, ne, xc, nc);
      if (law !== null) logE += law.logLikelihood(psi) - law.logLikelihood(1);
      most = Math.max(most, logE);
      return alphas.map((alpha) => most >= -Math.log(alpha));
    },
  };
}

/** The symmetry test on differences of blocks of so many seconds; each bet is scaled by the differences before it. */
export class Symmetry implements Contender {
  readonly #alpha: number;
  readonly #blockSeconds: number;
  #seen = 0;
  #difference = 0;
  #logE = 0;
  #sumOfSquares = 0;
  #blocks = 0;
  #crossed = false;

  constructor(alpha: number, blockSeconds: number) {
    this.#alpha = alpha;
    this.#blockSeconds = blockSeconds;
  }

  step({ xe, xc }: Second): boolean {
    this.#difference += xe - xc;
    this.#seen += 1;
    if (this.#seen % this.#blockSeconds === 0) {
      const spread = Math.sqrt((this.#sumOfSquares + 1) / (this.#blocks + 1));
      this.#logE += logSymmetryE([this.#difference], [0.3 / spread]);
      this.#sumOfSquares += this.#difference ** 2;
      this.#blocks += 1;
      this.#difference = 0;
      this.#crossed ||= this.#logE >= -Math.log(this.#alpha);
    }
    return this.#crossed;
  }
}
