/** Where a run is. The moves between them are one table in `engine/machine`. */
export const phases = [
  'planning',
  'provisioning',
  'routing',
  'baseline',
  'injecting',
  'proving',
  'observing',
  'restoring',
  'judging',
  'reporting',
  'done',
] as const;
export type Phase = (typeof phases)[number];

/** Why a run ended before its time. Null means that it went its whole way. */
export const stopReasons = [
  'refused',
  'budget-spent',
  'harm-proven',
  'breach',
  'suspected-open',
  'spillover',
  'invalid-arms',
  'operator',
  'halted',
  'lease-lost',
  'deadline',
  'target-changed',
  'interference',
  'metrics-unavailable',
  'error',
] as const;
export type StopReason = (typeof stopReasons)[number];
export type Stop = { readonly reason: StopReason; readonly why: string; readonly at: number };
