import type { ServiceRef } from './service.ts';
import type { Mark, Verdict, VerdictRecord } from './verdict.ts';

/** What the gate does about a finding: say what it would have blocked, let the pipeline go on with a warning, or hold it. */
export const gateModes = ['report', 'warn', 'block'] as const;
export type GateMode = (typeof gateModes)[number];

/** A run with fault that has ended, as far as the gate looks at it. */
export type JudgedRun = {
  readonly id: string;
  readonly experiment: string;
  /** What was live when it ran: the commit, where anybody could tell it, or else the platform's name. */
  readonly revision: string;
  /** The platform's name of that, like a launch template's version. */
  readonly onPlatform: string;
  /** What it did; `version` is null for runs of before. */
  readonly scenario: { readonly id: string; readonly version: number | null };
  readonly verdict: Verdict['verdict'];
  readonly marks: { readonly held: Mark; readonly served: Mark; readonly noticed: Mark };
  readonly strength: VerdictRecord['strength'];
  /** ln E of failures as it ended; those of several runs add up. */
  readonly logE: number;
  /** When it began (epoch ms), and how long it took until everything was back. */
  readonly at: number;
  readonly seconds: number;
};

/** What is written down at the gate of a service. `live`: what the pipeline said is live. Times are epoch ms. */
export type GateNote =
  | {
      readonly kind: 'ask';
      readonly revision: string;
      readonly live: string | null;
      readonly blocking: readonly string[];
      /** Absent in entries of before. */
      readonly decision?: 'allow' | 'warn' | 'block';
      readonly why?: string;
    }
  /** `debt`: what the live revision has too counts as much as what is new. */
  | { readonly kind: 'mode'; readonly experiment: string; readonly mode: GateMode; readonly debt: boolean; readonly why: string }
  | { readonly kind: 'acceptance'; readonly experiment: string; readonly until: number; readonly why: string }
  /** The owner's word that what was found at the revision is dealt with. */
  | { readonly kind: 'resolution'; readonly experiment: string; readonly revision: string; readonly why: string }
  | { readonly kind: 'break-glass'; readonly revision: string; readonly why: string }
  /** What a deploy needs: `stands` on evidence of another revision, `later` is put off until after the deploy. */
  | {
      readonly kind: 'choice';
      readonly revision: string;
      readonly run: readonly string[];
      readonly later: readonly string[];
      readonly stands: readonly { readonly experiment: string; readonly on: string }[];
    }
  /** Where a flaw came in, as a bisect found: `first` is the first bad revision; null when it is only known to lie after `good` and not after `bad`. */
  | {
      readonly kind: 'came-in';
      readonly experiment: string;
      readonly good: string;
      readonly bad: string;
      readonly first: string | null;
      readonly why: string;
    };
export type GateEntry<K extends GateNote['kind'] = GateNote['kind']> = Extract<GateNote, { kind: K }> & {
  readonly who: string;
  readonly at: number;
};

/**
 * How an experiment stands at a revision.
 * `passed` · `regressed`: proven vulnerable, and the live revision resilient · `let-in`: a confirmed accept that the live revision refuses ·
 * `debt`: proven, but the live revision is vulnerable too · `live-unknown`: proven, but nobody knows of the live revision, or nobody said that it is the vulnerable one ·
 * `unproven`: vulnerable, but not on evidence that may hold a deploy · `undecided`: its runs ended without an answer · `untested` ·
 * `put-off`: it is to be run after this deploy · `owed`: it was put off at an earlier deploy, and not run since.
 */
export type GateStanding =
  | 'passed'
  | 'regressed'
  | 'let-in'
  | 'debt'
  | 'live-unknown'
  | 'unproven'
  | 'undecided'
  | 'untested'
  | 'put-off'
  | 'owed';

export type GateFinding = {
  readonly experiment: string;
  readonly mode: GateMode;
  readonly standing: GateStanding;
  /** Whether it would hold the deploy in mode `block`. */
  readonly blocks: boolean;
  /** Why it passes all the same; `until` is null where the owner has resolved it for the revision. */
  readonly accepted: { readonly who: string; readonly why: string; readonly until: number | null } | null;
  /** The run that it rests on. */
  readonly runId: string | null;
  /** In words, with what to do about it. */
  readonly says: string;
};

/** A regression that nobody has answered for yet: not resolved, not accepted, and no later revision passed. */
export type LockedRevision = ServiceRef & {
  readonly experiment: string;
  readonly revision: string;
  readonly mode: GateMode;
  readonly runId: string;
  readonly says: string;
};

export type GateAnswer = ServiceRef & {
  readonly revision: string;
  /** What the revision is compared with; null when neither the pipeline nor a run says. */
  readonly live: string | null;
  readonly decision: 'allow' | 'warn' | 'block';
  readonly why: string;
  /**
   * Why it may pass whatever was found, and whatever was not: somebody broke the glass for it, it was live before, or it is live already. Null where
   * the findings decide.
   */
  readonly open: 'glass' | 'was-live' | 'live' | null;
  readonly findings: readonly GateFinding[];
  /** Of what the gate blocked or would have blocked so far (an experiment at a revision counts once), how much a second run found too. */
  readonly record: { readonly blocking: number; readonly confirmed: number };
};

/** What the gate knows of runs, and what was said at it. */
export interface GateBook {
  /** Ended runs with fault, newest first. */
  judged(service: ServiceRef): Promise<readonly JudgedRun[]>;
  /** The newest entries of a kind, newest first. */
  entries<K extends GateNote['kind']>(service: ServiceRef, kind: K): Promise<readonly GateEntry<K>[]>;
  /** Whether a pipeline ever said that the revision is live. */
  wasLive(service: ServiceRef, revision: string): Promise<boolean>;
  note(service: ServiceRef, note: GateNote, who: string): Promise<void>;
}
