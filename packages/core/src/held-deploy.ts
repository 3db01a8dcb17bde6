import type { JsonObject } from './json.ts';

/** A deploy that its CI/CD system holds until it is told whether it may go on. Kept after its answer: who asks again for the same deploy gets no second one. */
export type HeldDeploy = {
  /** The system's own name for it, the same however often it asks. */
  readonly id: string;
  /** Whose file says what is asked of it; only who has that file takes it. */
  readonly rule: string;
  /** What the system asked. */
  readonly asked: JsonObject;
  /** What was found out and said so far. */
  readonly progress: JsonObject;
  /** This look's number, from 1; and how many in a row have failed. */
  readonly looks: number;
  readonly failures: number;
  /** Epoch ms by the store's clock. */
  readonly heldAt: number;
  /** Why it is to be ended; null while nobody has asked for that. */
  readonly abortAsked: string | null;
  /** Why nobody looks at it any more though it has no answer; null while somebody does, and once it has one. */
  readonly givenUp: string | null;
};

/** A stage of a pipeline that is held like a deploy: its pipeline asks after it in place of being told. */
export type HeldStage = Pick<HeldDeploy, 'rule' | 'asked'> & {
  /** Its pipeline's own name for it, as a run's key. */
  readonly ref: string;
  /** Who begins it, as `forestall` of the runs knows them. */
  readonly who: string;
  /** How long it goes on while nobody asks after it; null: nobody need ask. */
  readonly unattendedMs: number | null;
};

/** What became of a look. `failed`: the way to answer was barred; it is looked at again after `againMs`, as one that waits. */
export type LookedAt =
  | { readonly state: 'waiting'; readonly againMs: number; readonly progress: JsonObject }
  | { readonly state: 'failed'; readonly againMs: number; readonly why: string }
  | { readonly state: 'answered' | 'given-up'; readonly why: string };

/** Deploys that wait for an answer. Any number of processes may share them: each is with one at a time. */
export interface HeldDeploys {
  /** Notes a deploy that waits; one that was given up begins anew. False when it is known already, also when it was answered. */
  hold(deploy: Pick<HeldDeploy, 'id' | 'rule' | 'asked'>): Promise<boolean>;
  /** Notes a stage, which an abort may have overtaken; the same `ref` again answers with the first. */
  holdStage(stage: HeldStage): Promise<HeldDeploy>;
  /** The stage that was held by this ref, also after its end. */
  stage(ref: string): Promise<HeldDeploy | null>;
  /** Asks for a stage's end, and for a look at once. Harmless after it. */
  abortStage(ref: string, why: string): Promise<void>;
  /** Somebody still asks after the stage. One that nobody has asked after for its `unattendedMs` is taken with an abort asked for. */
  stageAttended(ref: string): Promise<void>;
  /** A deploy of these rules whose time has come; nobody else is given it for `forMs`. Null when there is none. */
  take(rules: readonly string[], forMs: number): Promise<HeldDeploy | null>;
  /** Deploys, not stages, that wait for a rule that is none of these, oldest first, a hundred at most. */
  ofOtherRules(rules: readonly string[]): Promise<readonly HeldDeploy[]>;
  /** What became of a look. False when it was not that look's to say any more. */
  settle(deploy: Pick<HeldDeploy, 'id' | 'looks'>, became: LookedAt): Promise<boolean>;
}
