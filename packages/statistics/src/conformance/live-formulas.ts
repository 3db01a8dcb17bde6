import { binIndex, binValue } from '../histogram/log-bins.ts';
import { bernoulliInterval } from '../live/bernoulli-rate.ts';
import { eventsGivenShare, failuresGivenRequests } from '../live/block-law.ts';
import { boostFactor, nullLaw } from '../live/boost.ts';
import { excessFailures } from '../live/excess-failures.ts';
import type { Onset } from '../live/mixture-test.ts';
import { beginProportionTest, type ProportionTest, stepProportionTest } from '../live/proportion-test.ts';
import { logDirichletE } from '../live/sample-ratio.ts';
import { zeroEventsBound, zeroEventsNeededExactly } from '../live/zero-events.ts';
import { eBenjaminiHochberg, eHolm, eMean } from '../many/e-values.ts';
import { lowerBoundRequests } from '../plan/lower-bound-requests.ts';
import type { Inputs } from './inputs.ts';

/** The states after each block [x_e, x_c, n_e, n_c]. */
function path(inputs: Inputs, options: { readonly onset?: Onset; readonly boosted?: boolean; readonly alpha?: number }): ProportionTest[] {
  const alternatives = { psis: inputs.numbers('psis'), weights: inputs.numbers('weights') };
  let state = beginProportionTest({ alpha: 0.05, ...options, psi0: inputs.number('psi0', 1), alternatives, interval: false });
  return inputs.rows('blocks').map(([xe = 0, xc = 0, ne = 0, nc = 0]) => {
    state = stepProportionTest(state, { xe, ne, xc, nc });
    return state;
  });
}

/** Onset weights are written out: "w_1=0.5, w_t=0.5/1799 for t=2..1800". */
function readOnset(words: string): Onset {
  const match = /w_1\s*=\s*([\d.]+).*?t\s*=\s*2\s*\.\.\s*(\d+)/.exec(words);
  if (match === null) throw new TypeError(`inputs.onset "${words}" is not of the form "w_1=0.5, w_t=0.5/1799 for t=2..1800"`);
  return { first: Number(match[1]), horizon: Number(match[2]) };
}

/** The published examples were cut off, not rounded, after six decimals: compare what was printed. */
function cutOff(value: number): number {
  return Math.floor(value * 1e6) / 1e6;
}

/** The formulas that judge runs: each takes a case's inputs and gives what the case expects. */
export const liveFormulas: Readonly<Record<string, (inputs: Inputs) => unknown>> = {
  srm_dirichlet_log_e: (inputs) => {
    const logE = logDirichletE(inputs.numbers('counts'), inputs.numbers('theta0'), inputs.number('k'));
    return { log_e: logE, p: Math.min(1, Math.exp(-logE)) };
  },
  or_block_log_lr: (inputs) => {
    const law = failuresGivenRequests(inputs.number('x_e'), inputs.number('n_e'), inputs.number('x_c'), inputs.number('n_c'));
    return law === null ? 0 : law.logLikelihood(inputs.number('psi')) - law.logLikelihood(inputs.number('psi0', 1));
  },
  or_mixture_log_e: (inputs) => path(inputs, {}).at(-1)?.logE ?? 0,
  or_onset_mixture_log_e_path: (inputs) => path(inputs, { onset: readOnset(inputs.text('onset')) }).map((state) => state.logE),
  or_mixture_boosted_log_wealth_path: (inputs) =>
    path(inputs, { alpha: inputs.number('alpha'), boosted: true }).map((state) => state.boostedLogW),
  boost_factor: (inputs) => {
    const m = inputs.number('m');
    const [ne, nc, psi, cap] = [inputs.number('n_e'), inputs.number('n_c'), inputs.number('psi'), inputs.number('cap')];
    const law = failuresGivenRequests(Math.max(0, m - nc), ne, m - Math.max(0, m - nc), nc);
    if (law === null) return 1;
    const pmf = nullLaw(law, 1);
    const atLowest = law.logLikelihood(psi) - law.logLikelihood(1);
    return boostFactor(
      pmf,
      Array.from(pmf, (_, j) => Math.exp(atLowest + j * Math.log(psi))),
      cap,
    );
  },
  poisson_ratio_log_lr: (inputs) => {
    const law = eventsGivenShare(inputs.number('x_e'), inputs.number('x_c'), inputs.number('share_e'));
    return law === null ? 0 : law.logLikelihood(inputs.number('psi')) - law.logLikelihood(1);
  },
  bernoulli_confidence_interval_published: (inputs) =>
    inputs.rows('cases').map(([events = 0, trials = 0, alpha = 0.05, tOpt = 1]) => {
      const { low, high } = bernoulliInterval(events, trials, alpha, tOpt);
      return [cutOff(low), cutOff(high)];
    }),
  bernoulli_confidence_interval: (inputs) => {
    const { low, high } = bernoulliInterval(
      inputs.number('successes'),
      inputs.number('trials'),
      inputs.number('alpha'),
      inputs.number('t_opt'),
      inputs.number('alpha_opt', 0.05),
    );
    return [low, high];
  },
  zero_events_required_n: (inputs) => zeroEventsNeededExactly(inputs.number('p_max'), inputs.number('alpha')),
  zero_events_ucb: (inputs) => zeroEventsBound(inputs.number('n'), inputs.number('alpha')),
  e_bh: (inputs) => eBenjaminiHochberg(inputs.numbers('e'), inputs.number('alpha')),
  e_holm_adjusted: (inputs) => eHolm(inputs.numbers('e')),
  e_mean: (inputs) => (inputs.has('weights') ? eMean(inputs.numbers('e'), inputs.numbers('weights')) : eMean(inputs.numbers('e'))),
  excess_failures_bounds: (inputs) => {
    const { excess, variance, low, high } = excessFailures(inputs.number('x_e'), inputs.number('x_c'), inputs.number('r'), {
      alpha: inputs.number('alpha'),
      vOpt: inputs.number('v_opt', 20),
    });
    return { D_hat: excess, V: variance, lower: low, upper: high };
  },
  ddsketch_index_value: (inputs) => {
    const accuracy = inputs.number('relative_accuracy');
    const index = inputs.numbers('values').map((value) => binIndex(value, accuracy));
    return { index, value: index.map((i) => binValue(i, accuracy)) };
  },
  two_sample_lower_bound_requests_per_arm: (inputs) =>
    lowerBoundRequests(inputs.number('p_c'), inputs.number('p_e'), inputs.number('alpha')),
};
