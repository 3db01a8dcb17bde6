import { type ClusterRole, emptyTally, type Tally } from '@haldane/core';
import { type Told, tallyBy } from './minutes.ts';

/** Counts of each role; in sums that are not settled yet any of them may be below nothing. */
export type ByRole = Readonly<Record<ClusterRole, Told>>;

const none: Told = { success: 0, 'client-error': 0, 'server-error': 0, broken: 0 };
export const nothing: ByRole = { production: none, control: none, experiment: none };
export const noTallies: Readonly<Record<ClusterRole, Tally>> = { production: emptyTally, control: emptyTally, experiment: emptyTally };

export function byRole<T>(of: (role: ClusterRole) => T): Readonly<Record<ClusterRole, T>> {
  return { production: of('production'), control: of('control'), experiment: of('experiment') };
}

export function summed(all: readonly ByRole[]): ByRole {
  return all.reduce((sum, one) => byRole((role) => combined(sum[role], one[role], (a, b) => a + b)), nothing);
}

/** What `now` is beyond `before`; less than nothing where it fell. */
export function grownBy(now: ByRole, before: ByRole): ByRole {
  return byRole((role) => combined(now[role], before[role], (is, was) => is - was));
}

/**
 * What can be told of a sum, and what stays owed of it. Nothing is taken back that was told, so the sum of what is told is the highest that was ever
 * known. Failures are one account: a request that nobody seemed to have answered may turn out to have been answered with 500.
 */
export function settled(sum: ByRole): { readonly real: Readonly<Record<ClusterRole, Tally>>; readonly owed: ByRole } {
  return {
    real: byRole((role) => tallyBy(payable(sum[role]))),
    owed: byRole((role) => combined(sum[role], payable(sum[role]), (is, paid) => is - paid)),
  };
}

function payable(sum: Told): Told {
  const failures = Math.max(0, sum['server-error'] + sum.broken);
  const failed = Math.min(failures, Math.max(0, sum['server-error']));
  return {
    success: Math.max(0, sum.success),
    'client-error': Math.max(0, sum['client-error']),
    'server-error': failed,
    broken: failures - failed,
  };
}

function combined(a: Told, b: Told, of: (a: number, b: number) => number): Told {
  const each = (name: keyof Told) => of(a[name], b[name]);
  return {
    success: each('success'),
    'client-error': each('client-error'),
    'server-error': each('server-error'),
    broken: each('broken'),
  };
}
