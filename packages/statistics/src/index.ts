export {
  asymptoticHalfWidth,
  asymptoticHalfWidthOneSided,
  asymptoticMeanDifference,
  asymptoticP,
  asymptoticRho,
  type MomentSums,
  ratioVariance,
} from './classic/asymptotic-interval.ts';
export { logBetaBinomialE, logBetaBinomialOneSidedE, logDirichletMultinomial, runningP } from './classic/beta-binomial-test.ts';
export { bettingLogWealth, plugInBets } from './classic/betting.ts';
export { gammaPoissonInterval, gammaPoissonTwoSampleLogP, jointExcessInterval, logGammaPoissonE } from './classic/gamma-poisson.ts';
export { lanDeMetsBounds, obrienFlemingBounds } from './classic/group-sequential.ts';
export { type HodgesLehmann, hodgesLehmann, kayentaInterval, mannWhitney, mannWhitneyExact, wilcoxonZ } from './classic/mann-whitney.ts';
export { logMsprt } from './classic/msprt.ts';
export { newcombeInterval } from './classic/newcombe.ts';
export { quantileAbP } from './classic/quantile-ab-test.ts';
export { dkwRadius, type QuantileRanks, quantileRanks } from './classic/quantile-interval.ts';
export { logSafeTwoByTwo } from './classic/safe-two-by-two.ts';
export { logSymmetryE } from './classic/symmetry.ts';
export { logTimeToAlertE } from './classic/time-to-alert.ts';
export { waldBounds } from './classic/wald-sprt.ts';
export {
  addBins,
  binEdge,
  countAbove,
  createHistogram,
  decodeHistogram,
  encodeHistogram,
  type Histogram,
  mergeHistogram,
  quantile,
  recordLatency,
  type SparseBins,
  valueAtRank,
} from './histogram/histogram.ts';
export { binGrowth, binIndex, binValue, relativeAccuracy } from './histogram/log-bins.ts';
export type { ArmCounts } from './live/arm-counts.ts';
export { bernoulliInterval, type Range, upperRate } from './live/bernoulli-rate.ts';
export { beginCountTest, type CountTest, countLogE, type EventCounts, stepCountTest } from './live/count-test.ts';
export {
  beginExcess,
  type ExcessFailures,
  type ExcessOptions,
  type ExcessState,
  excessBounds,
  excessFailures,
  stepExcess,
} from './live/excess-failures.ts';
export {
  beginLatencyTest,
  type LatencyTest,
  latencyDifference,
  latencyInterval,
  latencyLogE,
  latencyThresholds,
  type QuantileInterval,
  stepLatencyTest,
} from './live/latency-test.ts';
export { beginMargin, type MarginState, marginExceeded, marginShown, stepMargin } from './live/margin.ts';
export { alternativeGrid, anytimeP, crossed, type MixtureOptions, type MixtureTest, type Onset } from './live/mixture-test.ts';
export { beginNonInferiority, canStillBeShown, type NonInferiorityOptions } from './live/non-inferiority.ts';
export { type OddsRatioInterval, oddsRatioInterval } from './live/odds-ratio-interval.ts';
export { beginPairBetting, type PairBetting, pairBettingLogE, stepPairBetting } from './live/pair-betting.ts';
export { beginProportionTest, type ProportionTest, proportionLogE, stepProportionTest } from './live/proportion-test.ts';
export { type EValue, logDirichletE, sampleRatio } from './live/sample-ratio.ts';
export { zeroEventsBound, zeroEventsNeeded, zeroEventsNeededExactly } from './live/zero-events.ts';
export { eBenjaminiHochberg, eHolm, eMean, logEHolm, logEMean } from './many/e-values.ts';
export { chanceBudgetSpent, smallestSensibleBudget } from './plan/budget-chance.ts';
export { lowerBoundRequests } from './plan/lower-bound-requests.ts';
export { type Effect, rateAtOdds, smallestEffect } from './plan/smallest-effect.ts';
export {
  chanceStopped,
  expectedSecondsToStop,
  type PlannedTest,
  type StoppingLaw,
  secondsToStop,
  stoppingLaw,
} from './plan/stopping-law.ts';
