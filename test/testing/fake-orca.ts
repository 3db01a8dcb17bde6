import { setTimeout as sleep } from 'node:timers/promises';
import type { PreconfiguredStage } from '@haldane/pipelines';

/** One HTTP call of Orca's, as a test may hinder it. Rejects like a socket that timed out. */
export type Send = (method: string, url: string, body: string | null) => Promise<{ readonly status: number; readonly text: string }>;

/** Loses what Orca would hear of its first two creates, which are done all the same, and two of its polls; counts both. */
export function hindered(send: Send): { readonly send: Send; readonly sent: { creates: number; polls: number } } {
  const sent = { creates: 0, polls: 0 };
  const hinder: Send = async (method, url, body) => {
    if (method === 'POST' && url.endsWith('/stage')) {
      sent.creates += 1;
      const answer = await send(method, url, body);
      return sent.creates < 3 ? { status: 503, text: '' } : answer;
    }
    sent.polls += 1;
    if (sent.polls === 2) return { status: 502, text: '' };
    if (sent.polls === 3) throw new Error('read timed out');
    return send(method, url, body);
  };
  return { send: hinder, sent };
}

/** How a stage ended, every status that was polled, and the last progress. */
export type OrcaEnd = {
  readonly status: 'SUCCEEDED' | 'TERMINAL' | 'CANCELED';
  readonly polled: readonly string[];
  readonly progress: string | null;
};

export type OrcaOptions = {
  readonly stage: PreconfiguredStage;
  readonly execution: string;
  readonly parameterValues: Readonly<Record<string, string>>;
  readonly send: Send;
  /** A user's cancel. */
  readonly cancel?: AbortSignal;
  /** Ms between polls (Orca: 1 s in the first minute) and between tries to create (Orca: 10 s, for 5 minutes). */
  readonly pollMs: number;
  readonly retryMs: number;
};

/**
 * A webhook stage with `waitForCompletion` by Orca's rules: a create that is answered 5xx or 429 is tried again, one that is not answered at
 * all ends the stage; polls go on through 5xx, 429 and silence, and end with any other 4xx, or when the status is no scalar or the progress no
 * string; whatever is no known status is running; the cancel endpoint is called on a user's cancel and on failure, and its errors are swallowed.
 */
export async function orcaStage(options: OrcaOptions): Promise<OrcaEnd> {
  const { stage, send, cancel, pollMs, retryMs } = options;
  const said = (text: string) =>
    text.replace(/\$\{execution\.id\}/g, options.execution).replace(/\$\{parameterValues\['(\w+)'\]\}/g, (_, name: string) => {
      const value = options.parameterValues[name];
      if (value === undefined) throw new Error(`SpEL finds no parameter ${name}`);
      return value;
    });
  const polled: string[] = [];
  let progress: string | null = null;
  const end = async (status: OrcaEnd['status']): Promise<OrcaEnd> => {
    if (status !== 'SUCCEEDED')
      await send(stage.cancelMethod, said(stage.cancelEndpoint), said(stage.cancelPayload)).catch(() => undefined);
    return { status, polled, progress };
  };
  const among = (list: string, status: string) => list.toLowerCase().split(',').includes(status.toLowerCase());
  const url = said(stage.url);

  for (let tries = 1; ; tries += 1) {
    if (cancel?.aborted) return end('CANCELED');
    const answer = await send(stage.method, url, said(stage.payload)).catch(() => null);
    if (answer === null) return end('TERMINAL');
    if (answer.status < 300) break;
    if ((answer.status < 500 && answer.status !== 429) || answer.status === 504 || tries >= 30) return end('TERMINAL');
    await sleep(retryMs);
  }
  for (;;) {
    await sleep(pollMs, undefined, { signal: cancel }).catch(() => undefined);
    if (cancel?.aborted) return end('CANCELED');
    const answer = await send('GET', url, null).catch(() => null);
    if (answer === null || answer.status >= 500 || answer.status === 429) continue;
    if (answer.status >= 400) return end('TERMINAL');
    const body = JSON.parse(answer.text) as Record<string, unknown>;
    const status = body[stage.statusJsonPath.slice(2)];
    const words = body[stage.progressJsonPath.slice(2)];
    if (typeof status !== 'string' || typeof words !== 'string') return end('TERMINAL');
    polled.push(status);
    progress = words;
    if (among(stage.successStatuses, status)) return end('SUCCEEDED');
    if (among(stage.canceledStatuses, status)) return end('CANCELED');
    if (among(stage.terminalStatuses, status)) return end('TERMINAL');
  }
}
