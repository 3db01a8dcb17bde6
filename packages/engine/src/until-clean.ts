import type { Facts, Run } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { patiently, pause } from './patiently.ts';
import { restore } from './restore.ts';
import { ticks } from './within.ts';

/**
 * The service stays taken until the journal is clean: what was stuck is tried again until it is back, and that it is now is a fact of the run. Null
 * when the runner shuts down first; whoever claims the run next goes on with it.
 */
export async function untilClean(run: Run, deps: DriveDeps): Promise<Pick<Facts, 'cleanAt'> | null> {
  const { runs, journal, kinds, clock, hold, handOver } = deps;
  const { deadlineMs, settleMs, everyMs } = deps.lingering ?? { deadlineMs: 30_000, settleMs: 0, everyMs: 10_000 };
  let told = '';
  let waited = false;
  for (;;) {
    const open = (await patiently(deps, () => journal.entries(run.id))).filter((entry) => entry.state !== 'reverted');
    if (open.length === 0) {
      if (!waited) return {};
      await runs.tell(hold.fence, 'restored', { clean: true });
      return { cleanAt: clock.now() };
    }
    // Whoever drives the run has told what is stuck already: that it is back is told in any case.
    waited = true;
    if (handOver?.aborted) return null;
    const began = ticks(clock);
    const { clean, stuck, kept } = await patiently(deps, () =>
      restore(journal, kinds, hold.fence, run.id, { clock, deadlineMs, settleMs, signal: hold.lost }),
    );
    const words = [...stuck, ...kept];
    if (!clean && told !== words.join('\n')) {
      told = words.join('\n');
      await runs.tell(hold.fence, 'stuck', { stuck, kept });
    }
    if (!clean) await pause(Math.max(0, everyMs - (ticks(clock) - began)), deps);
  }
}
