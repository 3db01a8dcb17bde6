import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Difference } from '@haldane/core';
import type { MetFault } from '../fault/fault-switch.ts';
import { sendUnderFault } from '../fault/send-under-fault.ts';
import type { Observer } from '../run/observer.ts';
import type { Cluster } from '../upstreams.ts';
import type { AnswerReader } from './answer-reader.ts';
import type { Entry } from './entry.ts';
import { type Forwarding, forward } from './forward.ts';
import { answered, headerOf } from './headers.ts';
import type { Treatment } from './placement.ts';

/** Bodies are compared up to here, and by their length beyond. */
const comparedBytes = 256 * 1024;

/** One answer while it goes by: its status, and a digest of its body that exists in memory only until it was compared. */
class Passing {
  status: number | null = null;
  #bytes = 0;
  readonly #hash = createHash('sha1');
  #digest: string | null = null;

  take(chunk: Buffer): void {
    if (this.#bytes < comparedBytes) this.#hash.update(chunk.subarray(0, comparedBytes - this.#bytes));
    this.#bytes += chunk.length;
  }
  end(): void {
    this.#digest ??= `${this.#bytes} ${this.#hash.digest('base64')}`;
  }
  get digest(): string | null {
    return this.#digest;
  }
}

/** Compares production's answer with the one that an arm gave to the copy, once both are whole; one that broke is compared with nothing. */
class Comparison {
  readonly #sides = { production: new Passing(), copy: new Passing() };
  readonly #tell: (difference: Difference) => void;

  constructor(tell: (difference: Difference) => void) {
    this.#tell = tell;
  }
  take(side: 'production' | 'copy', chunk: Buffer): void {
    this.#sides[side].take(chunk);
  }
  /** Sees what becomes of that side's answer. */
  observer(side: 'production' | 'copy'): Observer {
    const mine = this.#sides[side];
    return {
      answered: (status) => {
        mine.status = status;
      },
      opened: () => undefined,
      finished: () => {
        mine.end();
        this.#compare();
      },
      broken: () => undefined,
      malformed: () => undefined,
    };
  }
  #compare(): void {
    const { production, copy } = this.#sides;
    if (production.digest === null || copy.digest === null) return;
    if (production.status !== copy.status) this.#tell('status');
    else this.#tell(production.digest === copy.digest ? 'same' : 'body');
  }
}

/** Production answers the user; the arm gets a copy, and its answer is compared and dropped. What it gives back is `forward`'s. */
export function mirror(
  request: IncomingMessage,
  response: ServerResponse,
  { slice, run, arm, request: watch }: Treatment,
  forwarding: Forwarding,
  entry: Entry,
): () => void {
  const comparison = new Comparison((difference) => run.ledger.compared(arm, difference));
  const left = forward(request, response, {
    ...forwarding,
    observers: [...forwarding.observers, comparison.observer('production')],
    tap: (chunk) => comparison.take('production', chunk),
  });
  slice.copies += 1;
  sendCopy({
    arm: run.arms[arm],
    method: request.method ?? 'GET',
    path: forwarding.path,
    headers: entry.headers,
    fault: entry.fault,
    comparison,
    observers: [watch],
    withinMs: slice.config.caps.latencyLimitMs,
    gone: () => {
      slice.copies -= 1;
    },
  });
  return left;
}

type Copy = {
  readonly arm: Cluster;
  readonly method: string;
  readonly path: string;
  /** Flat. */
  readonly headers: readonly string[];
  /** The fault that it met on its way to the arm; null: none. */
  readonly fault: MetFault | null;
  readonly comparison: Comparison;
  readonly observers: readonly Observer[];
  readonly withinMs: number;
  /** It has left the arm, whatever came of it. */
  readonly gone: () => void;
};

/** Sends a copy of a request without body to an arm, reads the answer to its end and drops it. Nobody waits for it. */
function sendCopy({ arm, method, path, headers, fault, comparison, observers, withinMs, gone }: Copy): void {
  const told = [...observers, comparison.observer('copy')];
  let over = false;
  let abort: ((reason: Error) => void) | null = null;
  const end = (tell: (observer: Observer) => void) => {
    if (over) return;
    over = true;
    clearTimeout(limit);
    for (const observer of told) tell(observer);
    gone();
  };
  const limit = setTimeout(() => {
    end((observer) => observer.broken());
    abort?.(new Error('the copy took too long'));
  }, withinMs);
  const upstream = arm.pick();
  if (!upstream) {
    end((observer) => observer.broken());
    return;
  }
  let started = false;
  const reader: AnswerReader = {
    onConnect(stop) {
      started = true;
      abort = stop;
      if (over) stop(new Error('the copy took too long'));
    },
    onHeaders(status, raw) {
      if (status < 200 || over) return true;
      const location = headerOf(answered(raw), 'location');
      for (const observer of told) observer.answered(status, location);
      return true;
    },
    onData(chunk) {
      comparison.take('copy', chunk);
      return true;
    },
    onComplete: () => end((observer) => observer.finished()),
    onError() {
      if (!started) upstream.refused();
      end((observer) => observer.broken());
    },
  };
  const send = (to: AnswerReader) => void upstream.pool.dispatch({ path, method, headers: headers as string[], body: null }, to);
  try {
    if (fault === null) send(reader);
    else sendUnderFault(fault, { send, drain: () => undefined }, reader);
  } catch {
    end((observer) => observer.malformed());
  }
}
