import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, type TraceFacts } from '@haldane/core';
import type { Traced } from '@haldane/runner';
import { type Context, DiagLogLevel, diag, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, RandomIdGenerator } from '@opentelemetry/sdk-trace-base';

export type Tracing = Traced & {
  /** Sends what was not sent yet, and nothing after that. */
  end(): Promise<void>;
};

/** How long the last spans may take on their way. */
const mostLastMs = 5_000;

/**
 * Traces of runs by OpenTelemetry, to a collector that takes OTLP over HTTP (JSON). A run is one trace, whose id is the first half of the SHA-256
 * of the run's id, so that whoever knows the run finds it; whoever goes on with a run, or puts it back, adds to its trace and links to its first
 * span. Headers, time-outs, sampling and the like are the SDK's own affair: it reads its variables itself. A collector that is away costs spans, and
 * nothing else; that is told once.
 */
export function openTelemetry(url: string, onTrouble: (what: string, error: unknown) => void): Tracing {
  const ids = new RunIds();
  let isToldOf = false;
  const tell = (error: unknown) => {
    if (!isToldOf) onTrouble(`sending traces to ${new URL(url).host} (said once)`, error);
    isToldOf = true;
  };
  const quiet = () => undefined;
  diag.setLogger(
    { error: tell, warn: quiet, info: quiet, debug: quiet, verbose: quiet },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'haldane' }).merge(detectResources({ detectors: [envDetector] })),
    idGenerator: ids,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  const tracer = provider.getTracer('haldane');
  const here = new AsyncLocalStorage<Context>();

  const within = async <T>(span: Span, context: Context, work: (note: (facts: TraceFacts) => void) => Promise<T>): Promise<T> => {
    try {
      return await here.run(trace.setSpan(context, span), () => work((facts) => note(span, facts)));
    } catch (error) {
      note(span, { error: messageOf(error) });
      throw error;
    } finally {
      span.end();
    }
  };

  return {
    trace: (name, facts, work) => {
      const context = here.getStore() ?? ROOT_CONTEXT;
      return within(tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes: named(facts) }, context), context, work);
    },
    run: ({ run, fence }, work) => {
      const first = idsOf(run.id);
      const isFirst = fence.fence === 1;
      const { id, service, environment, experiment, phase } = run;
      const facts = {
        run: id,
        service,
        environment,
        experiment: experiment.name,
        scenario: experiment.scenario.id,
        fault: experiment.fault,
        phase,
        claim: fence.fence,
      };
      const span = ids.with(isFirst ? first : { traceId: first.traceId }, () =>
        tracer.startSpan('run', {
          root: true,
          attributes: named(facts),
          links: isFirst ? [] : [{ context: { ...first, traceFlags: TraceFlags.SAMPLED } }],
        }),
      );
      return within(span, ROOT_CONTEXT, work);
    },
    end: async () => {
      // A collector that does not answer must not hold up the end.
      await Promise.race([provider.shutdown(), sleep(mostLastMs, undefined, { ref: false })]).catch(tell);
      diag.disable();
    },
  };
}

function named(facts: TraceFacts): TraceFacts {
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [`haldane.${name}`, value]));
}

function note(span: Span, { error, ...facts }: TraceFacts): void {
  span.setAttributes(named(facts));
  if (error === undefined) return;
  span.recordException(String(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(error) });
}

type Ids = { readonly traceId: string; readonly spanId: string };

function idsOf(runId: string): Ids {
  const digest = createHash('sha256').update(runId).digest('hex');
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) };
}

/** Random ids, but for the span that is begun within `with`. */
class RunIds {
  readonly #random = new RandomIdGenerator();
  #wanted: Partial<Ids> = {};

  with<T>(wanted: Partial<Ids>, begin: () => T): T {
    this.#wanted = wanted;
    try {
      return begin();
    } finally {
      this.#wanted = {};
    }
  }
  readonly generateTraceId = (): string => this.#wanted.traceId ?? this.#random.generateTraceId();
  readonly generateSpanId = (): string => this.#wanted.spanId ?? this.#random.generateSpanId();
}
