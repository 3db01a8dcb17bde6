import { type RunEvent, systemClock } from '@haldane/core';
import type { FastifyReply } from 'fastify';
import type { Desk } from './desk.ts';

const keepAliveMs = 10_000;
const page = 200;

/** Sends a run's events as they happen (server-sent events; the id is the event's number) until the run is done or the caller leaves. */
export async function stream(desk: Desk, runId: string, after: number, reply: FastifyReply): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  let last = after;
  let open = true;
  const news = newsOf(desk, runId);
  raw.on('close', () => {
    open = false;
    news.end();
  });
  try {
    while (open) {
      const events = await desk.store.runs.events(runId, last, page);
      for (const event of events) {
        last = event.seq;
        raw.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
      }
      if (events.some(isEnd)) break;
      if (events.length === 0) {
        await news.within(keepAliveMs);
        raw.write(': still here\n\n');
      }
    }
  } finally {
    news.end();
    // Also when the store is away: the caller comes back by the last id, which an open silence would not tell it to.
    raw.end();
  }
}

/** Listens for as long as the stream lasts: what is heard between a look and the wait for the next is not lost, and nothing heard twice. */
function newsOf({ store }: Desk, runId: string): { within(ms: number): Promise<void>; end(): void } {
  let heard = false;
  let wake = () => {};
  const off = store.onEvents((id) => {
    if (id !== null && id !== runId) return;
    heard = true;
    wake();
  });
  const end = () => {
    off();
    // Also for who comes to wait only now.
    heard = true;
    wake();
  };
  const within = async (ms: number) => {
    if (!heard) {
      const over = new AbortController();
      wake = () => over.abort();
      await systemClock.sleep(ms, over.signal).catch(() => undefined);
    }
    heard = false;
  };
  return { within, end };
}

function isEnd(event: RunEvent): boolean {
  return event.type === 'phase' && event.data['phase'] === 'done';
}
