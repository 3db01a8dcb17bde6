import type { AnswerClass } from './answer.ts';
import type { Arm, Reach } from './platform.ts';
import type { Synthetic, SyntheticRequest } from './service.ts';

/** What a hostile request carries in place of a valid credential. */
export const forgeries = ['missing', 'alg-none', 'hs256-public-key', 'unknown-kid', 'foreign-jku', 'wrong-key', 'expired'] as const;
export type Forgery = (typeof forgeries)[number];

/** One stream of synthetic requests: the same requests in the same order for the same seed, in each arm. */
export type ProbeStream = {
  readonly name: string;
  readonly kind: 'legitimate' | 'hostile';
  /** Requests a second and arm. */
  readonly rate: number;
  /** Drawn in turn, seeded. Hostile streams pair each request with each forgery. */
  readonly requests: readonly SyntheticRequest[];
  readonly forgeries: readonly Forgery[];
  /**
   * While this stream flows into one arm only, the other arm is sent the same requests at the same rate with valid
   * credentials, counted as legitimate: both arms carry the same load where the hostile request is itself the change.
   */
  readonly validTwin?: boolean;
};

export type ProbePlan = { readonly synthetic: Synthetic; readonly streams: readonly ProbeStream[]; readonly seed: string };

/** `accepted`: let in. `denied`: refused by policy. `incidental`: failed for another reason. `leaky`: refused, but told too much. */
export type ProbeOutcome = 'accepted' | 'denied' | 'incidental' | 'leaky';

export type Answer = {
  readonly request: string;
  readonly forgery: Forgery | null;
  readonly class: AnswerClass;
  readonly outcome: ProbeOutcome;
  readonly status: number | null;
  readonly latencyMs: number;
};

/** A hostile request that was let in, and what control said to the identical request. */
export type Accept = Answer & { readonly at: number; readonly arm: Arm; readonly confirmation: ProbeOutcome | null };

/** The answers of one stream of one arm whose outcome was decided in one second. */
export type ProbeTally = {
  readonly sent: number;
  /** By AnswerClass, in the order of `answerClasses`. */
  readonly classes: readonly number[];
  readonly accepted: number;
  readonly denied: number;
  readonly incidental: number;
  readonly leaky: number;
};

export const emptyProbeTally: ProbeTally = { sent: 0, classes: [0, 0, 0, 0, 0, 0, 0, 0], accepted: 0, denied: 0, incidental: 0, leaky: 0 };

export type ProbeSecond = {
  /** Epoch second. */
  readonly at: number;
  readonly legitimate: Readonly<Record<Arm, ProbeTally>>;
  readonly hostile: Readonly<Record<Arm, ProbeTally>>;
};

/** Something seen in answers to synthetic requests ("header strict-transport-security", "error: keys unavailable"), counted by arm. */
export type Feature = {
  readonly kind: 'class' | 'header' | 'error';
  readonly name: string;
  readonly control: number;
  readonly experiment: number;
};

/** Streams that are running. Nothing is sent before `flow` says so. */
export interface ProbeSession {
  /** Which kinds of streams flow into which arm from now on. */
  flow(arm: Arm, kinds: readonly ProbeStream['kind'][]): void;
  /** Seconds that are closed (their 250 ms of grace are over) since the last call, in order, each exactly once. */
  drain(): readonly ProbeSecond[];
  /** Accepts since the last call, each already sent again, identical, to control (null where control did not answer). */
  accepts(): Promise<readonly Accept[]>;
  /** Features of synthetic answers since `since` (epoch ms). */
  features(since: number): readonly Feature[];
  /** Sends one request now and says what came back: the heartbeat. */
  once(request: SyntheticRequest, arm: Arm, signal: AbortSignal): Promise<Answer>;
  /** Ends all streams; resolves when nothing is in flight. */
  stop(): Promise<void>;
}

/** Sends synthetic requests. Gets credentials first; throws `unavailable` when an identity cannot get one. */
export interface Prober {
  start(plan: ProbePlan, reach: Readonly<Record<Arm, Reach>>, signal: AbortSignal): Promise<ProbeSession>;
}
