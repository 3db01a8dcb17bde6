import type { HaldaneClient } from '@haldane/client';
import type { Run, RunEvent } from '@haldane/core';

export type Followed = {
  readonly run: Run;
  /** Everything that it has told so far. */
  readonly events: readonly RunEvent[];
  /** The run when it is done. */
  readonly ended: Promise<Run>;
  /** Resolves when the run has told this; fails when it ends without. */
  until(wanted: (event: RunEvent) => boolean, what: string): Promise<void>;
};

/** Starts a run of the file and listens to it. */
export async function startRun(
  client: HaldaneClient,
  file: string,
  { fault = true, withinMs = 110_000 }: { readonly fault?: boolean; readonly withinMs?: number } = {},
): Promise<Followed> {
  const run = await client.create({ file, ...(fault ? {} : { fault }) });
  const events: RunEvent[] = [];
  const waiting: (() => void)[] = [];
  let over = false;
  const wake = () => {
    for (const each of waiting.splice(0)) each();
  };
  const listen = async () => {
    try {
      for await (const event of client.events(run.id, 0, AbortSignal.timeout(withinMs))) {
        events.push(event);
        wake();
      }
    } catch (cause) {
      const { phase, stop } = await client.run(run.id);
      const last = events.slice(-3).map(({ type, data }) => `${type} ${JSON.stringify(data)}`);
      throw new Error(`run ${run.id} is in phase ${phase} (${stop?.why ?? 'not stopped'}), last heard of it: ${last.join('; ')}`, {
        cause,
      });
    } finally {
      over = true;
      wake();
    }
    const last = await client.run(run.id);
    if (last.phase !== 'done') throw new Error(`run ${run.id} is ${last.phase} after ${withinMs / 1000} s`);
    return last;
  };
  const ended = listen();
  ended.catch(() => undefined);
  return {
    run,
    events,
    ended,
    async until(wanted, what) {
      while (!events.some(wanted)) {
        if (over) throw new Error(`run ${run.id} ended without ${what}: ${(await client.run(run.id)).stop?.why ?? 'no reason'}`);
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
  };
}

/** That the run has reached this phase. */
export function phase(name: Run['phase']): (event: RunEvent) => boolean {
  return (event) => event.type === 'phase' && event.data['phase'] === name;
}
