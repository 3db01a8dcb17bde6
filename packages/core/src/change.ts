import type { Json, JsonObject } from './json.ts';

/**
 * One side effect as data. Adapters describe changes; only the engine makes them, so a dry run is printing the plan.
 * Params name things by names made from run id and arm, never by port, pid or ARN, and never hold a secret.
 */
export type Change = {
  /** Unique within the run, made from what it is: `cluster:experiment`, `fault:experiment:identity-keys`. */
  readonly id: string;
  /** Which ChangeKind can make and unmake it. */
  readonly kind: string;
  readonly params: JsonObject;
  /** Ids of changes that must stay in place as long as this one does. */
  readonly standsOn: readonly string[];
  /** In plain words, for the plan: what it does, and how it is undone. */
  readonly does: string;
  readonly undo: string;
};

/**
 * How changes of one kind are made and unmade. `P` are its params, `B` the state before that `capture` reads.
 * Holds for every kind (the contract suite in testkit tests it): revert twice, revert of what never happened and revert
 * of what is already gone all succeed; a half-made apply can be reverted; `isReverted` is true only when nothing of ours is
 * left and each field that we set holds its value from before, or one that somebody else has set since.
 */
export interface ChangeKind<P extends JsonObject = JsonObject, B extends Json = Json> {
  readonly kind: string;
  /** Reads the state before; changes nothing. */
  capture(params: P, signal: AbortSignal): Promise<B>;
  /** Makes the change. Repeating it is harmless. */
  apply(params: P, before: B, signal: AbortSignal): Promise<void>;
  /** Puts back what `apply` changed. Safe to repeat. */
  revert(params: P, before: B, signal: AbortSignal): Promise<void>;
  /** Whether nothing of ours is left. */
  isReverted(params: P, before: B, signal: AbortSignal): Promise<boolean>;
  /** In words, which field somebody else has set since, so that it was kept; null when there is none. Reads only. Asked once it is reverted. */
  superseded?(params: P, before: B, signal: AbortSignal): Promise<string | null>;
}

/** A kind with its own types forgotten, as the engine's list holds it: params and state came from the same kind. */
// biome-ignore lint/suspicious/noExplicitAny: the journal pairs each change with the kind that described it
export type AnyChangeKind = ChangeKind<any, any>;

/**
 * `intended`: the way back is on disk, the world may or may not have moved. `applied`: it moved.
 * `reverted`: checked to be back. `stuck`: could not be put back in time; retried until it can.
 */
export type EntryState = 'intended' | 'applied' | 'reverted' | 'stuck';

export type JournalEntry = {
  readonly runId: string;
  /** Order of intention within the run, from 1. */
  readonly seq: number;
  readonly change: Change;
  readonly before: Json;
  readonly state: EntryState;
  /** Why it is stuck, or that the field was superseded by somebody else. */
  readonly note: string | null;
};

/** Who may write for a run right now: the run and the fencing number of its claim. */
export type Fence = { readonly runId: string; readonly fence: number };

/** The run's changes with the state before them. Every write is refused with `lease-lost` unless the fence is current. */
export interface Journal {
  /** Commits the way back before the world moves. Intending the same change id again returns the entry that stands. */
  intend(fence: Fence, change: Change, before: Json): Promise<JournalEntry>;
  mark(fence: Fence, seq: number, state: EntryState, note?: string): Promise<void>;
  /** All entries of the run in order. */
  entries(runId: string): Promise<readonly JournalEntry[]>;
}
