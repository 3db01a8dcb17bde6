import type { Block, Evidence } from './evidence.ts';
import type { ExperimentSpec } from './experiment.ts';
import type { Json } from './json.ts';
import type { Stop, StopReason } from './phase.ts';
import type { Arm } from './platform.ts';
import type { Contact } from './scenario.ts';

/** What the judge needs to know of an experiment; fixed (and hashed) before the injection. */
export type Criteria = {
  readonly spec: ExperimentSpec;
  readonly act: 'change' | 'request';
  readonly contactUnit: Contact['unit'];
  /** The longest of the scenario's time constants, in seconds. */
  readonly timeConstantSeconds: number;
  /** Whether the scenario made a change at all. */
  readonly changes: number;
};

/** What the judge says after each block. `open`: real users may come (back). */
export type Decision =
  | { readonly do: 'go-on'; readonly progress: string }
  | { readonly do: 'next'; readonly why: string }
  /** More users may come: the next stage of the ramp. */
  | { readonly do: 'widen'; readonly why: string }
  | { readonly do: 'stop'; readonly reason: StopReason; readonly why: string };

export type Mark = 'yes' | 'no' | 'unknown';
export type Marked = { readonly mark: Mark; readonly why: string };
export type NoticedResult =
  | 'prevented'
  | 'in-time'
  | 'late'
  | 'incomplete'
  | 'wrong-receiver'
  | 'missed'
  | 'noisy'
  | 'pipeline-broken'
  | 'not-asked'
  | 'not-injected';

/** An estimate that holds at any stopping time, with the level it holds at. `high` is null when nothing bounds it yet (JSON has no infinity). */
export type Interval = { readonly low: number; readonly high: number | null; readonly level: number };

/** The numbers behind a verdict. Everything in it is recomputed from the evidence. */
export type VerdictRecord = {
  readonly judge: string;
  readonly criteriaHash: string;
  readonly unit: 'keys' | 'requests';
  readonly seconds: number;
  readonly requests: Readonly<Record<Arm, number>>;
  readonly failures: Readonly<Record<Arm, number>>;
  /** e-value for more failures in the experiment than tolerated, its maximum, and p = 1/max. */
  readonly harm: { readonly logE: number; readonly maxLogE: number; readonly p: number; readonly threshold: number };
  readonly oddsRatio: Interval | null;
  readonly excessFailures: Interval | null;
  readonly sampleRatio: { readonly control: number; readonly experiment: number; readonly p: number };
  readonly hostile: {
    readonly sent: number;
    readonly accepted: number;
    readonly denied: number;
    readonly incidental: number;
    readonly leaky: number;
    readonly below: number | null;
  };
  readonly contact: { readonly count: number; readonly needed: number; readonly leaked: number };
  readonly budget: { readonly spent: number; readonly cap: number };
  /** ms from effect to the alert at its receiver; null when there was none. */
  readonly alertMs: number | null;
  /** Enough to stop, or enough to block a deploy (plain E >= 1000). */
  readonly strength: 'none' | 'stop' | 'block';
  readonly more: { readonly [key: string]: Json };
};

export type Verdict = {
  readonly verdict: 'resilient' | 'vulnerable' | 'inconclusive' | 'invalid';
  /** One sentence a service owner can forward. */
  readonly headline: string;
  readonly held: Marked;
  readonly served: Marked;
  readonly noticed: Marked & { readonly result: NoticedResult };
  /** In plain words with the numbers behind them, most important first. */
  readonly reasons: readonly string[];
  readonly surprises: readonly { readonly what: string; readonly control: number; readonly experiment: number; readonly score: number }[];
  readonly record: VerdictRecord;
};

/** Facts of a run beside its evidence that the verdict rests on. */
export type JudgedFacts = {
  readonly stop: Stop | null;
  readonly injectedAt: number | null;
  readonly restored: { readonly clean: boolean; readonly stuck: readonly string[] };
  /** Epoch ms until which alerts were listened for. Absent or null: until the expectation's deadline, or the end of a run cut off. */
  readonly listenedUntil?: number | null;
  /**
   * An earlier run of the same experiment that this one confirms on fresh arms, with ln E of harm as it stood at its end (not its
   * maximum): the product of the two is an e-value again.
   */
  readonly confirms?: { readonly runId: string; readonly logE: number };
};

/** Pure and versioned: a fold over stored blocks. The same blocks give the same verdict, bit for bit. */
export interface Judge<S> {
  readonly id: string;
  begin(criteria: Criteria): S;
  step(state: S, block: Block, evidence: Pick<Evidence, 'checks' | 'accepts'>): { readonly state: S; readonly decision: Decision };
  conclude(state: S, criteria: Criteria, evidence: Evidence, facts: JudgedFacts): Verdict;
}
