import { type Clock, type HaldaneError, hasCode } from '@haldane/core';
import type { Step } from './step.ts';

/** How long a Haldane that does not answer is asked again. Longer than that and nobody here knows any more, though a run ends by itself. */
const patienceMs = 300_000;
const againMs = 2_000;

/** A Haldane that is away for a while is no verdict. For what is safe to repeat: the same ref is the same run. */
export async function askPatiently<T>(work: () => Promise<T>, step: Step, clock: Clock): Promise<T> {
  const until = clock.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'unavailable') || clock.now() > until) throw error;
      step.say(`${(error as HaldaneError).message}; asking again`);
      await clock.sleep(againMs);
    }
  }
}
