import type { Schema } from './conform.ts';

const name: Schema = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 200 };
/** A run's id stands between dots in a signed header. */
const runId: Schema = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$', maxLength: 100 };
const arm: Schema = { type: 'string', enum: ['control', 'experiment'] };
const until: Schema = { type: 'number', minimum: 0 };
const address: Schema = { type: 'string', pattern: '^http://[^/@?#]+/?$', maxLength: 300 };
const addresses: Schema = { type: 'array', items: address, minItems: 1, maxItems: 200 };
/** All authorities that a machine knows are about 250 kB. */
const bundle: Schema = { type: 'string', pattern: '^-----BEGIN CERTIFICATE-----', maxLength: 600_000 };
const pem: Schema = { type: 'string', pattern: '^-----BEGIN ', maxLength: 50_000 };

/** What a router accepts, by the nouns of the wire. Unknown keys are refused. */
export const schemas = {
  runId,
  route: {
    type: 'object',
    required: ['route', 'port', 'production'],
    additionalProperties: false,
    properties: { route: name, port: { type: 'integer', minimum: 0, maximum: 65535 }, production: addresses },
  },
  attachment: {
    type: 'object',
    required: ['runId', 'route', 'arms', 'secret', 'until'],
    additionalProperties: false,
    properties: {
      runId,
      route: name,
      arms: {
        type: 'object',
        required: ['control', 'experiment'],
        additionalProperties: false,
        properties: { control: addresses, experiment: addresses },
      },
      secret: { type: 'string', pattern: '^([0-9a-f]{2}){16,64}$' },
      until,
    },
  },
  slice: {
    type: 'object',
    required: ['runId', 'name', 'share', 'exposure', 'caps'],
    additionalProperties: false,
    properties: {
      runId,
      name,
      share: { type: 'number', minimum: 0, maximum: 0.5 },
      exposure: { type: 'string', enum: ['synthetic', 'reads', 'all'] },
      caps: {
        type: 'object',
        required: ['failures', 'latencyLimitMs', 'creditRate'],
        additionalProperties: false,
        properties: {
          failures: { type: 'integer', minimum: 0, maximum: 1_000_000 },
          latencyLimitMs: { type: 'number', minimum: 1, maximum: 600_000 },
          creditRate: { type: 'number', minimum: 0, maximum: 1 },
        },
      },
    },
  },
  proxy: {
    type: 'object',
    required: ['proxy', 'runId', 'arm', 'dependency', 'as', 'target', 'until'],
    additionalProperties: false,
    properties: {
      proxy: name,
      runId,
      arm,
      dependency: name,
      as: { type: 'string', enum: ['http', 'https', 'tcp'] },
      target: { type: 'string', minLength: 1, maxLength: 2000 },
      tls: { type: 'object', required: ['cert', 'key'], additionalProperties: false, properties: { cert: pem, key: pem } },
      trust: bundle,
      until,
    },
  },
  fault: {
    type: 'object',
    required: ['mode'],
    additionalProperties: false,
    properties: {
      mode: { type: 'string', enum: ['abort', 'delay', 'answer', 'reset', 'hang', 'refuse'] },
      status: { type: 'integer', minimum: 200, maximum: 599 },
      delayMs: { type: 'number', minimum: 0, maximum: 600_000 },
      body: { type: 'string', maxLength: 100_000 },
      contentType: { type: 'string', maxLength: 200, pattern: '^[\\x20-\\x7e]*$' },
      percent: { type: 'number', minimum: 0, maximum: 100 },
      seed: { type: 'string', maxLength: 200 },
    },
  },
  lease: { type: 'object', required: ['until'], additionalProperties: false, properties: { until } },
} as const satisfies Record<string, Schema>;
