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
  /** A deploy of these rules whose time has come; nobody else is given it for `forMs`. Null when there is none. */
  take(rules: readonly string[], forMs: number): Promise<HeldDeploy | null>;
  /** Deploys that wait for a rule that is none of these, oldest first, a hundred at most. */
  ofOtherRules(rules: readonly string[]): Promise<readonly HeldDeploy[]>;
  /** What became of a look. False when it was not that look's to say any more. */
  settle(deploy: Pick<HeldDeploy, 'id' | 'looks'>, became: LookedAt): Promise<boolean>;
}
