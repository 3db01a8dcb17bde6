import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { SecureContext } from 'node:tls';
import type { AnswerReader } from './answer-reader.ts';

export type Asking = {
  /** Base address of the instance. */
  readonly address: string;
  readonly tls: SecureContext | null;
  readonly path: string;
  readonly headers: readonly string[];
  /** The client's request; its body is read only when the instance wants it. */
  readonly request: IncomingMessage;
  /** Tells the client to send its body. */
  readonly goOn: () => void;
};

/** An instance that does not know the question is asked no longer than this (RFC 9110, section 10.1.1: not for ever). */
const silentMs = 1000;

/**
 * Sends a request whose client waits to be told before it sends its body, and tells it when the instance says so; an instance that answers at
 * once never gets the body. The connection is used once.
 */
export function askFirst({ address, tls, path, headers, request, goOn }: Asking, reader: AnswerReader): void {
  const base = new URL(address);
  const send = base.protocol === 'https:' ? httpsRequest : httpRequest;
  const outgoing = send({
    host: base.hostname,
    port: base.port === '' ? (base.protocol === 'https:' ? 443 : 80) : base.port,
    method: request.method ?? 'POST',
    path,
    headers: [
      ...headers,
      'expect',
      '100-continue',
      'connection',
      'close',
      ...(request.headers['content-length'] === undefined ? ['transfer-encoding', 'chunked'] : []),
    ],
    agent: false,
    ...(tls ? { secureContext: tls } : {}),
  });
  let sending = false;
  const sendBody = () => {
    clearTimeout(silence);
    if (sending) return;
    sending = true;
    goOn();
    request.pipe(outgoing);
  };
  const silence = setTimeout(sendBody, silentMs);
  outgoing.on('socket', (socket) => socket.once('connect', () => reader.onConnect((reason) => void outgoing.destroy(reason))));
  outgoing.on('continue', sendBody);
  outgoing.on('close', () => clearTimeout(silence));
  outgoing.on('error', (error) => reader.onError(error));
  outgoing.on('response', (answer) => {
    clearTimeout(silence);
    const raw = answer.rawHeaders.map((text) => Buffer.from(text, 'latin1'));
    reader.onHeaders(answer.statusCode ?? 502, raw, () => void answer.resume(), answer.statusMessage ?? '');
    answer.on('data', (piece: Buffer) => {
      if (!reader.onData(piece)) answer.pause();
    });
    answer.on('error', (error) => reader.onError(error));
    answer.on('end', () => {
      reader.onComplete();
      outgoing.destroy();
    });
  });
  outgoing.flushHeaders();
}
