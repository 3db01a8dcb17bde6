import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import type { Observer } from '../run/observer.ts';
import { answered, sayable } from './headers.ts';
import type { AnswerHead } from './leave-nothing.ts';

export type Tunnelling = {
  /** Base address of the instance. */
  readonly address: string;
  readonly path: string;
  /** Flat, without hop-by-hop ones. */
  readonly headers: readonly string[];
  readonly addToAnswer: readonly string[];
  readonly observers: readonly Observer[];
  /** False: the protocol stays as it is; the request goes on as an ordinary one, over a connection of its own. */
  readonly upgrade: boolean;
  /** A plain answer's head as it may leave; absent: as it came. */
  readonly soften?: ((head: AnswerHead) => AnswerHead) | undefined;
  /** Whom an https instance may be certified by; absent or null: the usual authorities. */
  readonly tls?: SecureContext | null;
};

/**
 * Takes a request to change the protocol (a WebSocket) to an instance and joins the two connections. The tunnel ends well when
 * either side closes it, and badly when the instance's side breaks; a plain answer goes back as it came.
 */
export function tunnel(request: IncomingMessage, client: Duplex, head: Buffer, tunnelling: Tunnelling): void {
  let ended = false;
  const end = (tell: (observer: Observer) => void) => {
    if (ended) return;
    ended = true;
    for (const observer of tunnelling.observers) tell(observer);
  };
  const base = new URL(tunnelling.address);
  const send = base.protocol === 'https:' ? httpsRequest : httpRequest;
  const upgrade = request.headers.upgrade ?? 'websocket';
  const outgoing = send({
    host: base.hostname,
    port: base.port === '' ? (base.protocol === 'https:' ? 443 : 80) : base.port,
    method: request.method ?? 'GET',
    path: tunnelling.path,
    headers: [...tunnelling.headers, ...(tunnelling.upgrade ? ['connection', 'Upgrade', 'upgrade', upgrade] : ['connection', 'close'])],
    agent: false,
    ...(tunnelling.tls ? { secureContext: tunnelling.tls } : {}),
  });
  client.on('error', () => outgoing.destroy());
  let onClientClose = () => {
    end((observer) => observer.broken());
    outgoing.destroy();
  };
  client.on('close', () => onClientClose());
  outgoing.on('upgrade', (answer, instance, first) => {
    for (const observer of tunnelling.observers) {
      observer.answered(answer.statusCode ?? 101, undefined);
      observer.opened();
    }
    onClientClose = () => {
      end((observer) => observer.finished());
      instance.destroy();
    };
    instance.on('error', () => end((observer) => observer.broken()));
    instance.on('close', () => {
      end((observer) => observer.finished());
      client.destroy();
    });
    client.write(
      statusAndHeaders(answer.statusCode ?? 101, answer.statusMessage, [
        ...answered(answer.rawHeaders),
        'connection',
        'Upgrade',
        'upgrade',
        answer.headers.upgrade ?? upgrade,
        ...tunnelling.addToAnswer,
      ]),
    );
    if (first.length > 0) client.write(first);
    if (head.length > 0) instance.write(head);
    client.pipe(instance).pipe(client);
  });
  outgoing.on('response', (answer) => {
    for (const observer of tunnelling.observers) observer.answered(answer.statusCode ?? 502, answer.headers.location);
    const head = { status: answer.statusCode ?? 502, headers: answered(answer.rawHeaders) };
    const { status, headers } = tunnelling.soften?.(head) ?? head;
    client.write(statusAndHeaders(status, answer.statusMessage, [...headers, 'connection', 'close', ...tunnelling.addToAnswer]));
    answer.on('end', () => end((observer) => (answer.complete ? observer.finished() : observer.broken())));
    answer.on('error', () => {
      end((observer) => observer.broken());
      client.destroy();
    });
    answer.pipe(client);
  });
  outgoing.on('error', () => {
    if (!ended && client.writable) client.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    end((observer) => observer.broken());
  });
  outgoing.end();
}

/** A status line and headers as they stand on the wire: of a byte each, as Node reads them. */
function statusAndHeaders(status: number, words: string | undefined, headers: readonly string[]): Buffer {
  let lines = `HTTP/1.1 ${status} ${sayable(words ?? '')}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) lines += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return Buffer.from(`${lines}\r\n`, 'latin1');
}
