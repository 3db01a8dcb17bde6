import { Agent, createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { type ApiCall, apiCall } from './api-call.ts';

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

export type Before = { readonly url: string; close(): Promise<void> };

/** Sees a call, may pass it on (once, never, or changed), and says what its caller gets. Null: the connection breaks without an answer. */
export type Act = (call: ApiCall, pass: (changed?: Partial<ApiCall>) => Promise<Answer>) => Promise<Answer | null>;

/** Stands before a server that plays AWS. */
export async function standingBefore(target: string, act: Act): Promise<Before> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const call = apiCall(incoming, await bodyOf(incoming));
      const answer = await act(call, async (changed) => {
        const { method, path, headers, body } = { ...call, ...changed };
        const sent = changed?.body === undefined ? headers : { ...headers, 'content-length': `${body.length}` };
        const answered = await new Promise<IncomingMessage>((resolve, reject) =>
          request({ hostname, port, method, path, headers: sent, agent }).on('response', resolve).on('error', reject).end(body),
        );
        return { status: answered.statusCode ?? 502, headers: answered.headers, body: await bodyOf(answered) };
      });
      if (answer === null) outgoing.destroy();
      else outgoing.writeHead(answer.status, answer.headers).end(answer.body);
    })().catch(() => outgoing.destroy());
  });
  // An idle connection stays open: on a busy machine its end would cross the next call, which then is not answered.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    async close() {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
