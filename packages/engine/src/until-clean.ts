import { type Facts, type Run, untraced } from '@haldane/core';
import type { DriveDeps } from './drive-deps.ts';
import { patiently, pause } from './patiently.ts';
import { restore } from './restore.ts';
import { ticks } from './within.ts';

/**
 * The service stays taken until the journal is clean: what was stuck is tried again until it is back, and that it is now is a fact of the run. Null
 * when the runner shuts down first; whoever claims the run next goes on with it.
 */
export async function untilClean(run: Run, deps: DriveDeps): Promise<Pick<Facts, 'cleanAt'> | null> {
  const { runs, journal, kinds, clock, hold, handOver, trace = untraced } = deps;
  const { deadlineMs, settleMs, everyMs } = deps.lingering ?? { deadlineMs: 30_000, settleMs: 0, everyMs: 10_000 };
  let told = '';
  let wasStuck = false;
  for (;;) {
    const entries = await patiently(deps, () => journal.entries(run.id));
    const open = entries.filter((entry) => entry.state !== 'reverted');
    // A runner that ended may have put it back and not come to say so: what was stuck stands in the facts, by the change's id.
    wasStuck ||=
      open.length > 0 || entries.some(({ change }) => run.facts.restored?.stuck.some((word) => word.startsWith(`${change.id}: `)));
    if (open.length === 0) {
      if (!wasStuck) return {};
      await runs.tell(hold.fence, 'restored', { clean: true });
      return { cleanAt: clock.now() };
    }
    if (handOver?.aborted) return null;
    const began = ticks(clock);
    const { clean, stuck, kept } = await patiently(deps, () =>
      restore(journal, kinds, hold.fence, run.id, { clock, deadlineMs, settleMs, signal: hold.lost, trace }),
    );
    const words = [...stuck, ...kept];
    if (!clean && told !== words.join('\n')) {
      told = words.join('\n');
      await runs.tell(hold.fence, 'stuck', { stuck, kept });
    }
    if (!clean) await pause(Math.max(0, everyMs - (ticks(clock) - began)), deps);
  }
}
