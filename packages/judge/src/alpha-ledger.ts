/**
 * How the run's alpha is divided, so that the chance of any false stop stays below it however often one looks.
 * `void*` levels are apart: they make a run invalid and accuse nobody.
 */
export type AlphaLedger = {
  /** The weighted mean over all guardrails that watch users. */
  readonly abort: number;
  /** Denials that provably fell: hostile ones against control, hostile ones against the baseline, real ones. */
  readonly open: number;
  /** Synthetic users failing while proving, of use only to a run that never came to observing. */
  readonly proving: number;
  /** Differences before any change, each direction half of it. */
  readonly voidBaseline: number;
  readonly voidSampleRatio: number;
  /** Production or control leaving its baseline band. */
  readonly voidSpillover: number;
  /** Non-inferiority: an intersection-union test, each guardrail at the full level. */
  readonly safe: number;
};

/** The ledger for a run's total alpha (0..1). */
export function alphaLedger(alpha: number): AlphaLedger {
  return {
    abort: 0.8 * alpha,
    open: 0.1 * alpha,
    proving: 0.1 * alpha,
    voidBaseline: 0.001,
    voidSampleRatio: 0.001,
    voidSpillover: 0.001,
    safe: 0.05,
  };
}
