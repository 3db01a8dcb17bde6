import type { OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { DependencyFault } from '@haldane/core';
import { noise } from './fault-draw.ts';

/** A slowed body leaves in pieces this far apart. */
const paceMs = 50;

/**
 * Makes a fault felt in an answer that is still to come: other headers, another body, a slower one, or one that breaks off. What is
 * written into this response from now on leaves spoilt; a fault that ends lets a slowed rest go at once. `n` is the call's number.
 */
export function spoilAnswer(response: ServerResponse, fault: DependencyFault, n: number, changed: AbortSignal): void {
  if (fault.mode === 'headers') rewriteHead(response, fault);
  if (fault.mode === 'garble') mapBody(response, (piece, at) => noise(fault, n, at, piece.length));
  if (fault.mode === 'truncate') breakOff(response, fault.afterBytes ?? 0);
  if (fault.mode === 'slow') slowDown(response, fault.bytesPerSecond ?? 1024, changed);
}

function rewriteHead(response: ServerResponse, { setHeaders = [], removeHeaders = [] }: DependencyFault): void {
  const gone = new Set([...removeHeaders, ...setHeaders.map(({ name }) => name)].map((name) => name.toLowerCase()));
  const writeHead = response.writeHead.bind(response);
  response.writeHead = (status: number, words?: unknown, headers?: unknown) => {
    const flat = (headers ?? []) as OutgoingHttpHeader[];
    const kept: OutgoingHttpHeader[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2)
      if (!gone.has(String(flat[i]).toLowerCase())) kept.push(flat[i] as OutgoingHttpHeader, flat[i + 1] as OutgoingHttpHeader);
    for (const { name, value } of setHeaders) kept.push(name, value);
    return writeHead(status, String(words ?? ''), kept);
  };
}

/** Hands every piece of the body to `take` instead of sending it; `last` when the body ends. */
function takeBody(response: ServerResponse, take: (piece: Buffer) => boolean, last: () => void): void {
  const bytesOf = (piece: unknown, encoding: unknown) =>
    typeof piece === 'string'
      ? Buffer.from(piece, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
      : (piece as Buffer);
  response.write = (piece: unknown, encoding?: unknown) => take(bytesOf(piece, encoding));
  response.end = ((piece?: unknown, encoding?: unknown) => {
    if (typeof piece === 'string' || Buffer.isBuffer(piece)) take(bytesOf(piece, encoding));
    last();
    return response;
  }) as ServerResponse['end'];
}

function mapBody(response: ServerResponse, map: (piece: Buffer, at: number) => Buffer): void {
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  let at = 0;
  takeBody(
    response,
    (piece) => {
      at += piece.length;
      return write(map(piece, at - piece.length));
    },
    () => end(),
  );
}

function breakOff(response: ServerResponse, afterBytes: number): void {
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  let left = afterBytes;
  let broken = false;
  const destroy = () => response.destroy();
  takeBody(
    response,
    (piece) => {
      if (broken) return true;
      const part = piece.subarray(0, left);
      left -= part.length;
      if (part.length === piece.length) return write(part);
      broken = true;
      // The head and what came before the break must leave first.
      response.flushHeaders();
      if (part.length > 0) write(part, () => setImmediate(destroy));
      else setImmediate(destroy);
      return true;
    },
    () => {
      if (!broken) end();
    },
  );
}

function slowDown(response: ServerResponse, bytesPerSecond: number, changed: AbortSignal): void {
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  const waiting: Buffer[] = [];
  const step = Math.max(1, Math.round((bytesPerSecond * paceMs) / 1000));
  let over = false;
  let timer: NodeJS.Timeout | null = null;
  const stop = () => {
    if (timer) clearInterval(timer);
    timer = null;
  };
  const send = (most: number) => {
    const all = Buffer.concat(waiting.splice(0));
    if (all.length > 0) write(all.subarray(0, most));
    if (all.length > most) waiting.push(all.subarray(most));
    else if (over) {
      stop();
      end();
    } else response.emit('drain');
  };
  const goOn = () => {
    stop();
    if (!response.destroyed) send(Number.POSITIVE_INFINITY);
  };
  changed.addEventListener('abort', goOn, { once: true });
  response.once('close', () => {
    stop();
    changed.removeEventListener('abort', goOn);
  });
  takeBody(
    response,
    (piece) => {
      if (changed.aborted) return write(piece);
      waiting.push(piece);
      response.flushHeaders();
      timer ??= setInterval(() => send(step), paceMs);
      return false;
    },
    () => {
      over = true;
      if (waiting.length === 0) {
        stop();
        end();
      }
    },
  );
}
