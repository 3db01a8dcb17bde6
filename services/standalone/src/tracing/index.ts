import { HaldaneError } from '@haldane/core';
import type { Tracing } from './open-telemetry.ts';

export type { Tracing };

/**
 * What sends traces of runs to the operator's collector, by OpenTelemetry's own variables: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or
 * `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces` after it. Null, and nothing is loaded, when neither is set, or `OTEL_SDK_DISABLED` is true, or
 * `OTEL_TRACES_EXPORTER` none. Throws `bad-request` naming the variable.
 */
export async function tracingOf(
  env: Readonly<Record<string, string>>,
  onTrouble: (what: string, error: unknown) => void,
): Promise<Tracing | null> {
  const address = endpointOf(env);
  if (address === null || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') return null;
  const protocol = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ?? env['OTEL_EXPORTER_OTLP_PROTOCOL'] ?? 'http/json';
  if (protocol === 'grpc')
    throw new HaldaneError(
      'bad-request',
      "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; Haldane sends traces by HTTP: name the collector's HTTP port (4318 by default), and http/json",
    );
  const { openTelemetry } = await import('./open-telemetry.ts');
  return openTelemetry(address, onTrouble);
}

function endpointOf(env: Readonly<Record<string, string>>): string | null {
  const named = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? '';
  const base = env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (named === '' && base === '') return null;
  const address = named === '' ? `${base.replace(/\/$/, '')}/v1/traces` : named;
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new HaldaneError(
      'bad-request',
      `OTEL_EXPORTER_OTLP_${named === '' ? '' : 'TRACES_'}ENDPOINT is no address; it should look like http://collector:4318`,
    );
  return address;
}
