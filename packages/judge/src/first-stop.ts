import type { Decision, StopReason } from '@haldane/core';

/** A rule that may end the run: its reason, and in plain words why it fires; null while it does not. */
export type Rule = readonly [StopReason, string | null];

/** The first rule that fires, in the order given: what endangers people before what only spoils the comparison. Null when none does. */
export function firstStop(rules: readonly Rule[]): Decision | null {
  for (const [reason, why] of rules) if (why !== null) return { do: 'stop', reason, why };
  return null;
}
