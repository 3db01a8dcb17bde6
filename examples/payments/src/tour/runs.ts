import { fileURLToPath } from 'node:url';
import type { HaldaneClient } from '@haldane/client';
import type { Run } from '@haldane/core';

/** A file of this example, by its path below the example's folder. */
export function exampleFile(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

export type Underway = {
  readonly run: Run;
  /** The last thing it said of itself. */
  readonly status: () => string;
  readonly ended: Promise<Run>;
};

/** Starts a run and follows it in the background; aborts it when the signal does, and waits for the end all the same. */
export async function begin(client: HaldaneClient, file: string, signal: AbortSignal): Promise<Underway> {
  signal.throwIfAborted();
  const run = await client.create({ file: exampleFile(file) });
  let phase = 'planning';
  let words = '';
  const abort = () => void client.abort(run.id, 'stopped by a person').catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  const follow = async () => {
    for await (const event of client.events(run.id, 0, new AbortController().signal)) {
      if (event.type === 'phase') {
        phase = String(event.data['phase']);
        words = '';
      }
      if (event.type === 'block') words = String(event.data['progress']);
    }
    signal.removeEventListener('abort', abort);
    return client.run(run.id);
  };
  return { run, status: () => `${run.service} ${phase}${words === '' ? '' : `: ${words}`}`, ended: follow() };
}
