import { STATUS_CODES } from 'node:http';
import type { DependencyFault } from '@haldane/core';
import type { AnswerReader } from '../door/answer-reader.ts';
import { delayOf } from './fault-draw.ts';
import type { MetFault } from './fault-switch.ts';
import { held, released } from './held.ts';
import { spoilt } from './spoilt-answer.ts';

export type Sending = {
  /** Sends the request, and tells this reader of its answer. */
  readonly send: (reader: AnswerReader) => void;
  /** Reads what the request brings to its end: nobody is sent it. */
  readonly drain: () => void;
};

/**
 * Sends a request to where it was going, and makes the fault that it met felt between there and whoever waits for the answer. Faults of
 * connections (refuse, certificates) and repetitions are not made here: the request goes on as it is.
 */
export function sendUnderFault(met: MetFault, { send, drain }: Sending, reader: AnswerReader): void {
  const { fault, n, changed } = met;
  switch (fault.mode) {
    case 'abort':
    case 'answer':
      drain();
      new Instead(reader).answer(fault);
      return;
    case 'reset':
      drain();
      new Instead(reader).break('the connection was reset');
      return;
    case 'hang': {
      const instead = new Instead(reader);
      void released(changed).then(() => instead.break('the fault ended'));
      return;
    }
    case 'delay':
      void held(delayOf(fault, n), changed)
        .then(() => send(reader))
        // Whoever called is long gone: what could not be sent is the reader's to hear, or nobody's and the router's end.
        .catch((error) => reader.onError(error));
      return;
    case 'refuse':
    case 'slow':
    case 'truncate':
    case 'garble':
    case 'headers':
    case 'repeat':
    case 'wrong-name':
    case 'expired':
      send(spoilt(met, reader));
  }
}

/** The status that a fault answers with. */
export function statusOf({ mode, status }: DependencyFault): number {
  return status ?? (mode === 'answer' ? 200 : 503);
}

/** What comes in place of an exchange: it looks begun, and ends once, whoever ends it. */
class Instead {
  readonly #reader: AnswerReader;
  #over = false;
  constructor(reader: AnswerReader) {
    this.#reader = reader;
    reader.onConnect((reason) => this.#end(() => reader.onError(reason ?? new Error('nobody waits for it any more'))));
  }
  answer(fault: DependencyFault): void {
    this.#end(() => {
      const status = statusOf(fault);
      const body = Buffer.from(fault.body ?? '');
      const headers = {
        'content-type': fault.contentType ?? (fault.mode === 'answer' ? 'application/json' : 'text/plain'),
        'content-length': `${body.length}`,
      };
      const raw = Object.entries(headers).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value, 'latin1')]);
      this.#reader.onHeaders(status, raw, () => undefined, STATUS_CODES[status] ?? '');
      if (body.length > 0) this.#reader.onData(body);
      this.#reader.onComplete();
    });
  }
  break(why: string): void {
    this.#end(() => this.#reader.onError(new Error(why)));
  }
  #end(how: () => void): void {
    if (this.#over) return;
    this.#over = true;
    how();
  }
}
