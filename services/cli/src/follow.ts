import type { HaldaneClient } from '@haldane/client';
import type { Run } from '@haldane/core';
import type { Progress } from './progress.ts';

/** Where a person's wish to stop arrives. */
export interface Interrupts {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/**
 * Shows a run until it is done, or until it is known that something could not be put back. The first interrupt asks for an abort and waits until everything is put back; a second one does not
 * cut that short, and asks again only if the first was not heard.
 */
export async function follow(
  client: HaldaneClient,
  run: Run,
  progress: Progress,
  interrupts: Interrupts,
  say: (words: string) => void,
): Promise<Run> {
  let asked = false;
  const abort = () => {
    if (asked) return say('still putting everything back; this cannot be cut short');
    asked = true;
    say('stopping: everything is being put back');
    client.abort(run.id, 'stopped by a person at the command line').catch((error: Error) => {
      asked = false;
      say(`the abort was not heard: ${error.message}; interrupt again to ask again`);
    });
  };
  interrupts.on('SIGINT', abort);
  interrupts.on('SIGTERM', abort);
  try {
    for await (const event of client.events(run.id, 0, new AbortController().signal)) {
      progress.show(event);
      // What cannot be put back is tried again for as long as it takes; the report is there already, and this command says so.
      if (event.type === 'stuck' && (await client.run(run.id)).phase === 'reporting') break;
    }
  } finally {
    progress.end();
    interrupts.off('SIGINT', abort);
    interrupts.off('SIGTERM', abort);
  }
  return client.run(run.id);
}
