import { type AnswerHead, leaveNothing } from './leave-nothing.ts';
import type { Placement } from './placement.ts';
import { traced } from './trace-context.ts';

/** What a request is sent on with when it enters an arm, and how the arm's answer may leave. */
export type Entry = { readonly headers: readonly string[]; readonly soften?: (head: AnswerHead) => AnswerHead };

/** Names run and arm in the request's trace; under a fault, lets nothing of the answer stay with clients and caches. Null: it enters none. */
export function entryOf({ role, runId, treatment }: Placement, headers: readonly string[]): Entry | null {
  const arm = treatment?.arm ?? role;
  if (arm === 'production' || runId === null) return null;
  const { traceId, headers: named } = traced(headers, runId, arm);
  if (treatment === null) return { headers: named };
  const { slice, run, request } = treatment;
  request.traceId = traceId;
  return slice.config.underFault === true
    ? { headers: named, soften: (head) => leaveNothing(head, (kind) => run.ledger.strip(kind)) }
    : { headers: named };
}
