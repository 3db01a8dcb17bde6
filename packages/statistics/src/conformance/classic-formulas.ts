import { bestRho } from '../boundary/best-rho.ts';
import { type BetaBinomialOptions, betaBinomialBound, logBetaBinomialMixture } from '../boundary/beta-binomial-mixture.ts';
import { gammaExponentialBound, logGammaExponentialMixture } from '../boundary/gamma-exponential-mixture.ts';
import { gammaPoissonBound, logGammaPoissonMixture } from '../boundary/gamma-poisson-mixture.ts';
import {
  logNormalMixtureOneSided,
  logNormalMixtureTwoSided,
  normalBoundOneSided,
  normalBoundTwoSided,
  oneSidedRho,
} from '../boundary/normal-mixture.ts';
import { doubleStitchingBound, polyStitchingBound } from '../boundary/stitching.ts';
import {
  asymptoticHalfWidth,
  asymptoticHalfWidthOneSided,
  asymptoticMeanDifference,
  asymptoticP,
  asymptoticRho,
} from '../classic/asymptotic-interval.ts';
import { logBetaBinomialE, logBetaBinomialOneSidedE, logDirichletMultinomial, runningP } from '../classic/beta-binomial-test.ts';
import { bettingLogWealth, plugInBets } from '../classic/betting.ts';
import { gammaPoissonInterval, gammaPoissonTwoSampleLogP, jointExcessInterval, logGammaPoissonE } from '../classic/gamma-poisson.ts';
import { lanDeMetsBounds, obrienFlemingBounds } from '../classic/group-sequential.ts';
import { hodgesLehmann, kayentaInterval, mannWhitney, mannWhitneyExact, wilcoxonZ } from '../classic/mann-whitney.ts';
import { logMsprt } from '../classic/msprt.ts';
import { newcombeInterval } from '../classic/newcombe.ts';
import { quantileAbP } from '../classic/quantile-ab-test.ts';
import { dkwRadius, quantileRanks } from '../classic/quantile-interval.ts';
import { logSafeTwoByTwo } from '../classic/safe-two-by-two.ts';
import { logSymmetryE } from '../classic/symmetry.ts';
import { logTimeToAlertE } from '../classic/time-to-alert.ts';
import { waldBounds } from '../classic/wald-sprt.ts';
import type { Inputs } from './inputs.ts';

function rhoFrom(inputs: Inputs, twoSided: boolean): number {
  if (!inputs.has('rho_from')) return inputs.number('rho');
  const from = inputs.object('rho_from');
  return asymptoticRho(from.number('alpha'), from.number('t_opt'), from.flag('two_sided', twoSided));
}

function betaBinomialInputs(inputs: Inputs, oneSided: boolean): BetaBinomialOptions {
  return {
    v: inputs.number('v'),
    vOpt: inputs.number('v_opt'),
    g: inputs.number('g'),
    h: inputs.number('h'),
    alphaOpt: inputs.number('alpha_opt', 0.05),
    oneSided,
  };
}

/** The published formulas beside those that the judge runs: yardsticks, second opinions and building blocks. */
export const classicFormulas: Readonly<Record<string, (inputs: Inputs) => unknown>> = {
  betabin_mixture_log_e: (inputs) => {
    const logE = logBetaBinomialE(inputs.number('x'), inputs.number('y'), inputs.number('theta0'), inputs.number('a'), inputs.number('b'));
    return { log_e: logE, p: Math.min(1, Math.exp(-logE)) };
  },
  betabin_mixture_onesided_log_e: (inputs) =>
    logBetaBinomialOneSidedE(inputs.number('x'), inputs.number('y'), inputs.number('theta0'), inputs.number('a'), inputs.number('b')),
  betabin_running_p: (inputs) =>
    runningP(inputs.numbers('events_is_experiment'), inputs.number('theta0'), inputs.number('a'), inputs.number('b')),
  dirichlet_multinomial_log_pmf: (inputs) => logDirichletMultinomial(inputs.numbers('counts'), inputs.numbers('alpha')),
  wald_sprt_bounds: (inputs) => {
    const { upperLogA, lowerLogB } = waldBounds(inputs.number('alpha'), inputs.number('beta'));
    return { upper_logA: upperLogA, lower_logB: lowerLogB };
  },
  gamma_poisson_log_e: (inputs) => logGammaPoissonE(inputs.number('N'), inputs.number('phi'), inputs.number('Lambda')),
  gamma_poisson_cs: (inputs) => gammaPoissonInterval(inputs.number('N'), inputs.number('phi'), inputs.number('alpha')),
  gamma_poisson_two_sample_log_p: (inputs) => gammaPoissonTwoSampleLogP(inputs.number('N_a'), inputs.number('N_b'), inputs.number('phi')),
  excess_failures_cs: (inputs) =>
    jointExcessInterval(inputs.number('N_e'), inputs.number('N_c'), inputs.number('r'), inputs.number('phi'), inputs.number('alpha')),
  normal_mixture_best_rho: (inputs) => bestRho(inputs.number('v_opt'), inputs.number('alpha_opt')),
  normal_log_mixture_two_sided: (inputs) =>
    logNormalMixtureTwoSided(inputs.number('s'), inputs.number('v'), bestRho(inputs.number('v_opt'), inputs.number('alpha_opt', 0.05))),
  normal_mixture_bound_two_sided: (inputs) =>
    normalBoundTwoSided(inputs.number('v'), inputs.number('alpha'), bestRho(inputs.number('v_opt'), inputs.number('alpha_opt', 0.05))),
  normal_log_mixture_one_sided: (inputs) =>
    logNormalMixtureOneSided(inputs.number('s'), inputs.number('v'), oneSidedRho(inputs.number('v_opt'), inputs.number('alpha_opt', 0.05))),
  normal_mixture_bound_one_sided: (inputs) =>
    normalBoundOneSided(inputs.number('v'), inputs.number('alpha'), oneSidedRho(inputs.number('v_opt'), inputs.number('alpha_opt', 0.05))),
  gamma_exponential_log_mixture: (inputs) =>
    logGammaExponentialMixture(
      inputs.number('v'),
      inputs.number('v_opt'),
      inputs.number('c'),
      inputs.number('alpha_opt', 0.05),
    )(inputs.number('s')),
  gamma_exponential_mixture_bound: (inputs) =>
    gammaExponentialBound(
      inputs.number('v'),
      inputs.number('alpha'),
      inputs.number('v_opt'),
      inputs.number('c'),
      inputs.number('alpha_opt', 0.05),
    ),
  gamma_poisson_log_mixture: (inputs) =>
    logGammaPoissonMixture(
      inputs.number('v'),
      inputs.number('v_opt'),
      inputs.number('c'),
      inputs.number('alpha_opt', 0.05),
    )(inputs.number('s')),
  gamma_poisson_mixture_bound: (inputs) =>
    gammaPoissonBound(
      inputs.number('v'),
      inputs.number('alpha'),
      inputs.number('v_opt'),
      inputs.number('c'),
      inputs.number('alpha_opt', 0.05),
    ),
  beta_binomial_log_mixture_two_sided: (inputs) => logBetaBinomialMixture(betaBinomialInputs(inputs, false))(inputs.number('s')),
  beta_binomial_mixture_bound_two_sided: (inputs) => betaBinomialBound(betaBinomialInputs(inputs, false), inputs.number('alpha')),
  beta_binomial_log_mixture_one_sided: (inputs) => logBetaBinomialMixture(betaBinomialInputs(inputs, true))(inputs.number('s')),
  beta_binomial_mixture_bound_one_sided: (inputs) => betaBinomialBound(betaBinomialInputs(inputs, true), inputs.number('alpha')),
  poly_stitching_bound: (inputs) =>
    polyStitchingBound(
      inputs.number('v'),
      inputs.number('alpha'),
      inputs.number('v_min'),
      inputs.number('c', 0),
      inputs.number('s', 1.4),
      inputs.number('eta', 2),
    ),
  double_stitching_bound: (inputs) =>
    doubleStitchingBound(
      inputs.number('p'),
      inputs.number('t'),
      inputs.number('alpha'),
      inputs.number('t_opt'),
      inputs.number('delta', 0.5),
      inputs.number('s', 1.4),
      inputs.number('eta', 2),
    ),
  quantile_ab_p_value_published: (inputs) => {
    // The published example, as the case's note describes it: a = 1..1000, b = a + offset.
    const a = Array.from({ length: 1000 }, (_, i) => i + 1);
    return inputs.rows('cases').map(([p = 0.5, offset = 0]) =>
      quantileAbP(
        a,
        a.map((value) => value + offset),
        p,
        100,
        0.05,
      ),
    );
  },
  dkw_time_uniform_eps: (inputs) => dkwRadius(inputs.number('t'), inputs.number('alpha')),
  quantile_cs_ranks: (inputs) => {
    const ranks = quantileRanks(
      inputs.number('t'),
      inputs.number('p'),
      inputs.number('alpha'),
      inputs.number('t_opt'),
      inputs.number('alpha_opt', 0.05),
    );
    return { lower_rank: ranks.lowerRank, upper_rank: ranks.upperRank, lower_radius: ranks.lowerRadius, upper_radius: ranks.upperRadius };
  },
  asymp_cs_rho: (inputs) => asymptoticRho(inputs.number('alpha'), inputs.number('t_opt'), inputs.flag('two_sided', true)),
  asymp_cs_half_two_sided: (inputs) =>
    asymptoticHalfWidth(inputs.number('s2'), inputs.number('t'), rhoFrom(inputs, true), inputs.number('alpha')),
  asymp_cs_half_one_sided: (inputs) =>
    asymptoticHalfWidthOneSided(inputs.number('s2'), inputs.number('t'), rhoFrom(inputs, false), inputs.number('alpha')),
  growthbook_sequential_one_sided_lower: (inputs) =>
    asymptoticMeanDifference(
      { sum: inputs.number('sum_a'), sumOfSquares: inputs.number('sumsq_a'), n: inputs.number('n_a') },
      { sum: inputs.number('sum_b'), sumOfSquares: inputs.number('sumsq_b'), n: inputs.number('n_b') },
      inputs.number('alpha'),
      inputs.number('t_opt'),
    ).lower,
  asymp_p_two_sided: (inputs) => asymptoticP(inputs.number('diff'), inputs.number('se'), inputs.number('t'), rhoFrom(inputs, true)),
  msprt_normal_log: (inputs) =>
    logMsprt(inputs.number('n_pairs'), inputs.number('mean_diff'), inputs.number('var_pair'), inputs.number('tau2')),
  mann_whitney: (inputs) => {
    const exact = mannWhitneyExact(inputs.numbers('x'), inputs.numbers('y'));
    const normal = mannWhitney(inputs.numbers('x'), inputs.numbers('y'));
    return {
      U: exact.u,
      p_greater_exact: exact.pGreater,
      p_two_exact: exact.pTwo,
      p_greater_asymptotic_cc: normal.pGreater,
      p_two_asymptotic_cc: normal.pTwo,
    };
  },
  mann_whitney_ties: (inputs) => {
    const { u, pGreater, pTwo } = mannWhitney(inputs.numbers('x'), inputs.numbers('y'));
    return { U: u, p_greater_asymptotic_cc: pGreater, p_two_asymptotic_cc: pTwo };
  },
  wilcoxon_z_kayenta: (inputs) => wilcoxonZ(inputs.numbers('x'), inputs.numbers('y'), inputs.number('mu', 0)),
  hodges_lehmann_exact: (inputs) => hodgesLehmann(inputs.numbers('x'), inputs.numbers('y'), inputs.number('alpha')),
  kayenta_mann_whitney_published: (inputs) => kayentaInterval(inputs.numbers('x'), inputs.numbers('y'), inputs.number('confidence')),
  newcombe_diff_ci: (inputs) =>
    newcombeInterval(inputs.number('x1'), inputs.number('n1'), inputs.number('x2'), inputs.number('n2'), inputs.number('alpha')),
  obf_bounds: (inputs) => obrienFlemingBounds(inputs.number('K'), inputs.number('alpha_two_sided')),
  lan_demets_obf_bounds: (inputs) => lanDeMetsBounds(inputs.numbers('info'), inputs.number('alpha_two_sided')),
  betting_log_wealth: (inputs) => bettingLogWealth(inputs.numbers('x'), inputs.number('m'), inputs.numbers('lambdas')),
  predmix_eb_lambda: (inputs) => plugInBets(inputs.numbers('x'), inputs.number('alpha')),
  safe_2x2_log_e: (inputs) =>
    logSafeTwoByTwo(
      inputs.numbers('ya'),
      inputs.numbers('yb'),
      inputs.number('na'),
      inputs.number('nb'),
      inputs.number('beta_prior', 0.18),
    ),
  time_to_alert_log_e: (inputs) =>
    logTimeToAlertE(inputs.number('d'), inputs.number('T'), inputs.number('lam0'), inputs.number('a'), inputs.number('b')),
  symmetry_log_e: (inputs) => logSymmetryE(inputs.numbers('D'), inputs.numbers('lambdas')),
};
