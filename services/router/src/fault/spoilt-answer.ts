import type { DependencyFault } from '@haldane/core';
import type { AnswerReader } from '../door/answer-reader.ts';
import { noise } from './fault-draw.ts';
import type { MetFault } from './fault-switch.ts';

/** A slowed body leaves in pieces this far apart. */
const paceMs = 50;

/**
 * Reads an answer and tells the reader of it as the fault has it: with other headers, another body, a slower one, or one that breaks off.
 * A fault of another kind spoils nothing; one that ends lets a slowed rest go at once.
 */
export function spoilt({ fault, n, changed }: MetFault, reader: AnswerReader): AnswerReader {
  switch (fault.mode) {
    case 'headers':
      return withOtherHeaders(fault, reader);
    case 'garble':
      return garbled(fault, n, reader);
    case 'truncate':
      return brokenOff(fault.afterBytes ?? 0, reader);
    case 'slow':
      return slowed(fault.bytesPerSecond ?? 1024, changed, reader);
    case 'abort':
    case 'answer':
    case 'delay':
    case 'reset':
    case 'hang':
    case 'refuse':
    case 'repeat':
    case 'wrong-name':
    case 'expired':
      return reader;
  }
}

function asItCame(reader: AnswerReader): AnswerReader {
  return {
    onConnect: (abort) => reader.onConnect(abort),
    onHeaders: (status, raw, resume, words) => reader.onHeaders(status, raw, resume, words),
    onData: (piece) => reader.onData(piece),
    onComplete: () => reader.onComplete(),
    onError: (error) => reader.onError(error),
  };
}

function withOtherHeaders({ setHeaders = [], removeHeaders = [] }: DependencyFault, reader: AnswerReader): AnswerReader {
  const gone = new Set([...removeHeaders, ...setHeaders.map(({ name }) => name)].map((name) => name.toLowerCase()));
  const said = setHeaders.flatMap(({ name, value }) => [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]);
  return {
    ...asItCame(reader),
    onHeaders(status, raw, resume, words) {
      const kept = raw.filter((_, i) => !gone.has(String(raw[i - (i % 2)]).toLowerCase()));
      return reader.onHeaders(status, [...kept, ...said], resume, words);
    },
  };
}

function garbled(fault: DependencyFault, n: number, reader: AnswerReader): AnswerReader {
  let at = 0;
  return {
    ...asItCame(reader),
    onData(piece) {
      at += piece.length;
      return reader.onData(noise(fault, n, at - piece.length, piece.length));
    },
  };
}

function brokenOff(afterBytes: number, reader: AnswerReader): AnswerReader {
  let left = afterBytes;
  let broken = false;
  let abort: (reason?: Error) => void = () => undefined;
  let goOn: () => void = () => undefined;
  const end = () => {
    const error = new Error('the answer was broken off');
    reader.onError(error);
    abort(error);
  };
  return {
    onConnect(stop) {
      abort = stop;
      reader.onConnect(stop);
    },
    onHeaders(status, raw, resume, words) {
      goOn = resume;
      return reader.onHeaders(status, raw, () => goOn(), words);
    },
    onData(piece) {
      if (broken) return true;
      const part = piece.subarray(0, left);
      left -= part.length;
      if (part.length === piece.length) return reader.onData(part);
      broken = true;
      // What came before the break must leave first.
      goOn = end;
      if (part.length === 0 || reader.onData(part)) setImmediate(end);
      return true;
    },
    onComplete() {
      if (!broken) reader.onComplete();
    },
    onError(error) {
      if (!broken) reader.onError(error);
    },
  };
}

function slowed(bytesPerSecond: number, changed: AbortSignal, reader: AnswerReader): AnswerReader {
  const step = Math.max(1, Math.round((bytesPerSecond * paceMs) / 1000));
  let waiting: Buffer[] = [];
  let isWhole = false;
  let isOver = false;
  let resume: () => void = () => undefined;
  let timer: NodeJS.Timeout | null = null;
  const stop = () => {
    if (timer) clearInterval(timer);
    timer = null;
  };
  const over = () => {
    isOver = true;
    waiting = [];
    stop();
    changed.removeEventListener('abort', sendRest);
  };
  const send = (most: number) => {
    const all = Buffer.concat(waiting);
    waiting = all.length > most ? [all.subarray(most)] : [];
    if (all.length > 0) reader.onData(all.subarray(0, most));
    if (waiting.length > 0) return;
    stop();
    if (!isWhole) resume();
    else if (!isOver) {
      over();
      reader.onComplete();
    }
  };
  const sendRest = () => send(Number.POSITIVE_INFINITY);
  changed.addEventListener('abort', sendRest, { once: true });
  return {
    onConnect(abort) {
      reader.onConnect((reason) => {
        // What has come as a whole has nobody who could be told to stop.
        if (!isWhole) return abort(reason);
        over();
        reader.onError(reason ?? new Error('nobody waits for it any more'));
      });
    },
    onHeaders(status, raw, more, words) {
      resume = more;
      return reader.onHeaders(status, raw, () => waiting.length === 0 && more(), words);
    },
    onData(piece) {
      if (changed.aborted) return reader.onData(piece);
      waiting.push(piece);
      timer ??= setInterval(() => send(step), paceMs);
      return false;
    },
    onComplete() {
      isWhole = true;
      if (waiting.length > 0) return;
      over();
      reader.onComplete();
    },
    onError(error) {
      over();
      reader.onError(error);
    },
  };
}
