import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Claim } from '@haldane/core';
import { sampleRun } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { tracingOf } from './index.ts';

const { cache } = createRequire(import.meta.url);
const loaded = () => Object.keys(cache).filter((path) => path.includes('/@opentelemetry/'));

type Value = { readonly stringValue?: string; readonly intValue?: number; readonly boolValue?: boolean };
type Sent = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly events?: readonly { readonly name: string }[];
};

/** A collector that takes OTLP over HTTP as JSON. */
async function collector(t: Test, status = 200) {
  const spans: Sent[] = [];
  const services = new Set<string | undefined>();
  const server = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as {
      resourceSpans: { resource: { attributes: Sent['attributes'] }; scopeSpans: { spans: Sent[] }[] }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      services.add(resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue);
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(request.url === '/v1/traces' ? status : 404, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { spans, services, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const claimOf = (id: string, fence: number): Claim => {
  const run = {
    ...sampleRun(),
    id,
    phase: 'planning',
    stop: null,
    abortAsked: null,
    facts: {},
    version: 0,
    createdAt: 0,
  } as unknown as Claim['run'];
  return { run, fence: { runId: id, fence }, leaseMs: 1_000, abandoned: false, putOff: 0 };
};
const never = (what: string) => () => {
  throw new Error(what);
};

test('without a collector nothing is loaded and nothing sent; a wrong one is said to be', async (t) => {
  const url = 'http://127.0.0.1:4318';
  for (const env of [
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: '' },
    { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: 'true' },
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url, OTEL_TRACES_EXPORTER: 'none' },
  ])
    t.equal(await tracingOf(env as never, never('no trouble')), null);
  for (const [env, message] of [
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, /OTEL_EXPORTER_OTLP_ENDPOINT is no address/],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'grpc://collector' }, /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no address/],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, /is grpc; Haldane sends traces by HTTP/],
  ] as const)
    await t.rejects(tracingOf(env as never, never('no trouble')), { code: 'bad-request', message });
  t.same(loaded(), []);
});

test('pieces of a run are spans below it, errors are on them, and whoever goes on with the run links to where it began', async (t) => {
  const { spans, services, url } = await collector(t);
  const tracing = await tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/` }, never('no trouble'));
  if (tracing === null) throw new Error('no tracing');
  t.ok(loaded().length > 0, 'it is loaded when it is wanted');
  const { trace } = tracing;
  const both = ['r1', 'r2'].map((id) =>
    tracing.run(claimOf(id, 1), async (note) => {
      await trace('baseline', { run: id }, async () => {
        await Promise.all(
          ['a', 'b'].map((kind) =>
            trace(`make ${kind}`, { change: `${kind}:${id}` }, async () => trace(`apply ${kind}`, {}, async () => kind)),
          ),
        );
      });
      await trace('injecting', {}, () => Promise.reject(new Error('it broke'))).catch(() => undefined);
      await trace('restoring', {}, async (add) => add({ stop: 'error', error: 'still there' }));
      note({ verdict: 'resilient' });
      return 'over' as const;
    }),
  );
  t.same(await Promise.all(both), ['over', 'over']);
  await t.rejects(
    tracing.run(claimOf('r1', 2), () => Promise.reject(new Error('lost'))),
    /lost/,
  );
  await tracing.end();

  const digest = createHash('sha256').update('r1').digest('hex');
  const ofFirst = spans.filter(({ traceId }) => traceId === digest.slice(0, 32));
  const words = ({ attributes }: Sent) => Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  const lines = (parent: string | undefined, depth: string): readonly string[] =>
    ofFirst
      .filter(({ parentSpanId }) => (parentSpanId ?? '') === (parent ?? ''))
      .sort(
        (a, b) =>
          Number(a.links !== undefined && a.links.length > 0) - Number(b.links !== undefined && b.links.length > 0) ||
          (a.name < b.name ? -1 : 1),
      )
      .flatMap((span) => [
        `${depth}${span.name}${span.status.code === 2 ? `: ${span.status.message}` : ''}`,
        ...lines(span.spanId, `${depth}  `),
      ]);
  t.same(lines(undefined, ''), [
    'run',
    '  baseline',
    '    make a',
    '      apply a',
    '    make b',
    '      apply b',
    '  injecting: it broke',
    '  restoring: still there',
    'run: lost',
  ]);
  const [first, second] = ofFirst.filter(({ name }) => name === 'run').sort((a, b) => (a.links?.length ?? 0) - (b.links?.length ?? 0));
  t.equal(first?.spanId, digest.slice(32, 48));
  t.match(first && words(first), {
    'haldane.run': 'r1',
    'haldane.service': 'payments',
    'haldane.verdict': 'resilient',
    'haldane.fault': true,
  });
  t.match(second?.links, [{ traceId: first?.traceId, spanId: first?.spanId }]);
  t.not(second?.spanId, first?.spanId);
  t.match(ofFirst.find(({ name }) => name === 'injecting')?.events, [{ name: 'exception' }]);
  t.match(words(ofFirst.find(({ name }) => name === 'restoring') as Sent), { 'haldane.stop': 'error' });
  t.equal(spans.length, ofFirst.length * 2 - 1, 'the other run is another trace');
  t.same([...services], ['haldane']);
});

test('a collector that takes nothing costs spans, is told of once, and holds up nothing', async (t) => {
  const { url } = await collector(t, 400);
  const troubles: string[] = [];
  const tracing = await tracingOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/v1/traces` }, (what) => troubles.push(what));
  t.equal(await tracing?.run(claimOf('r1', 1), async () => 'done'), 'done');
  await tracing?.end();
  t.same(troubles, [`sending traces to ${new URL(url).host} (said once)`]);
});
