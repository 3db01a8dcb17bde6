import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

type Sent = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
};

/** A span with what is below it, in the order in which they began. `id`, and what it links to, as trace and span. */
export type Seen = {
  readonly name: string;
  readonly id: string;
  readonly links: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly parts: readonly Seen[];
};

const idOf = ({ traceId, spanId }: { readonly traceId: string; readonly spanId: string }) => `${traceId} ${spanId}`;

/** A collector that takes traces as OTLP over HTTP, in JSON. */
export async function startCollector() {
  const spans: Sent[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] };
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    for (const look of waiting) look();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const below = (parent: string | undefined): readonly Seen[] =>
    spans
      .filter(({ parentSpanId }) => (parentSpanId || undefined) === parent)
      .sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)))
      .map(({ name, traceId, spanId, attributes, links = [] }) => ({
        name,
        id: idOf({ traceId, spanId }),
        links: links.map(idOf),
        facts: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
        parts: below(spanId),
      }));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: spans as readonly Sent[],
    tree: () => below(undefined),
    /** Resolves when such a span was sent; fails after a minute. */
    until: (wanted: (span: Sent) => boolean, what: string) =>
      new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`nobody sent ${what}; only ${spans.map(({ name }) => name).join(', ')}`)), 60_000);
        const look = () => {
          if (!spans.some(wanted)) return;
          clearTimeout(late);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
