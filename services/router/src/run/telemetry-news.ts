import { setTimeout as wait } from 'node:timers/promises';
import type { TelemetryNews } from '@haldane/dataplane';
import type { RouterTime } from '../time.ts';
import type { RunLedger } from './run-ledger.ts';

/** Half of what an event may take to be told. Looking costs a comparison; requests themselves wake nobody. */
const lookMs = 50;

/** What happens in a run from now on, until it is not attached any more and all is told. See `TelemetryNews`. */
export async function* telemetryNews(
  ledger: RunLedger,
  after: number,
  time: RouterTime,
  isAttached: () => boolean,
): AsyncGenerator<TelemetryNews> {
  let told = -1;
  let from = after;
  for (;;) {
    const attached = isAttached();
    const { changes } = ledger;
    const blocks = ledger.since(from);
    if (changes !== told || blocks.length > 0 || !attached) yield { blocks, open: ledger.open(), now: time.now(), attached };
    if (!attached && blocks.length === 0) return;
    told = changes;
    from = blocks.at(-1)?.at ?? from;
    await wait(lookMs);
  }
}
