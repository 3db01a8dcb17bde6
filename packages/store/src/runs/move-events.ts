import type { JsonObject, Move, Run, RunEvent } from '@haldane/core';

/** What a move has to tell, in order. It is written in the same statement as the move, so none is lost and none invented. */
export function eventsOfMove(before: Run, move: Move): readonly { readonly type: RunEvent['type']; readonly data: JsonObject }[] {
  const stopped = move.stop && before.stop === null ? move.stop : null;
  const verdict = before.facts.verdict ? undefined : move.learned?.verdict;
  return [
    { type: 'phase', data: { phase: move.to, from: before.phase } },
    ...(stopped ? [{ type: 'stop' as const, data: { reason: stopped.reason, why: stopped.why } }] : []),
    ...(verdict ? [{ type: 'verdict' as const, data: { verdict: verdict.verdict, headline: verdict.headline } }] : []),
  ];
}
