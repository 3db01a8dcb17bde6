import type { RunEvent } from '@haldane/core';
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
  raw.on('close', () => {
    open = false;
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
        await desk.news(runId, keepAliveMs);
        raw.write(': still here\n\n');
      }
    }
  } finally {
    // Also when the store is away: the caller comes back by the last id, which an open silence would not tell it to.
    raw.end();
  }
}

function isEnd(event: RunEvent): boolean {
  return event.type === 'phase' && event.data['phase'] === 'done';
}
