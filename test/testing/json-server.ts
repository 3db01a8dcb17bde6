import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Asked = { readonly method: string; readonly url: URL; readonly headers: IncomingHttpHeaders; readonly body: string };
export type Answer = { readonly status: number; readonly json?: unknown; readonly headers?: Readonly<Record<string, string>> };

/** How a server is in a test's way: an answer of its own, a connection that breaks, before or after it did as asked, or silence; null lets it answer. */
export type Hindrance = Answer | 'break' | 'break-after' | 'silence' | null;

export type JsonServer = {
  readonly address: string;
  /** Paths with their queries, in the order in which they were asked for. */
  readonly asked: string[];
  hinder: (asked: Asked) => Hindrance;
  close(): Promise<void>;
};

/** Answers with JSON, from this process. */
export async function jsonServer(answer: (asked: Asked) => Answer): Promise<JsonServer> {
  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { method = 'GET', headers } = request;
    const asked = { method, url: new URL(request.url ?? '/', 'http://fake'), headers, body: Buffer.concat(parts).toString('utf8') };
    self.asked.push(request.url ?? '/');
    const hindrance = self.hinder(asked);
    if (hindrance === 'silence') return;
    if (hindrance === 'break-after') answer(asked);
    if (hindrance === 'break' || hindrance === 'break-after') return void request.socket.destroy();
    const { status, json, headers: more = {} } = hindrance ?? answer(asked);
    response.writeHead(status, { 'content-type': 'application/json', ...more });
    response.end(json === undefined ? undefined : typeof json === 'string' ? json : JSON.stringify(json));
  };
  const server = createServer((request, response) => {
    // Whoever leaves before the end of its question wants no answer.
    reply(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: JsonServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    hinder: () => null,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return self;
}
