import { faultHeader } from '@haldane/dataplane';
import type { MetFault } from '../fault/fault-switch.ts';
import { type AnswerHead, leaveNothing } from './leave-nothing.ts';
import type { Placement } from './placement.ts';
import { traced } from './trace-context.ts';

/** What a request is sent on with when it enters an arm, the fault that it meets on its way there, and how the arm's answer may leave. */
export type Entry = {
  readonly headers: readonly string[];
  readonly fault: MetFault | null;
  readonly soften?: ((head: AnswerHead) => AnswerHead) | undefined;
  readonly addToAnswer?: readonly string[];
};

/** Names run and arm in the request's trace; under a fault, lets nothing of the answer stay with clients and caches. Null: it enters none. */
export function entryOf({ role, run, synthetic, treatment }: Placement, headers: readonly string[]): Entry | null {
  const arm = treatment?.arm ?? role;
  if (arm === 'production' || run === null) return null;
  const { traceId, headers: named } = traced(headers, run.runId, arm);
  const isCheck = synthetic === 'check';
  const fault = run.meet(arm, isCheck);
  if (treatment === null) return { headers: named, fault, ...(isCheck ? { addToAnswer: [faultHeader, fault ? 'yes' : 'no'] } : {}) };
  const { slice, request } = treatment;
  request.traceId = traceId;
  return slice.config.underFault === true
    ? { headers: named, fault, soften: (head) => leaveNothing(head, (kind) => run.ledger.strip(kind)) }
    : { headers: named, fault };
}
