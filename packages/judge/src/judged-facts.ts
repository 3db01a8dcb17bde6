import type { JudgedFacts, Run } from '@haldane/core';

/** What the verdict of this run rests on beside its evidence. */
export function judgedFactsOf(run: Run): JudgedFacts {
  const { injectedAt, listenedUntil, restored } = run.facts;
  return {
    stop: run.stop,
    injectedAt: injectedAt ?? null,
    ...(listenedUntil === undefined ? {} : { listenedUntil }),
    restored: { clean: restored?.clean ?? false, stuck: restored?.stuck ?? [] },
  };
}
