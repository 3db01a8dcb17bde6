import { requestFaultModes, routePatternSyntax, sliceModes } from '@haldane/core';
import type { Schema } from './conform.ts';

/** Fits the admin interface's largest body. */
export const mostKeysAtOnce = 40_000;
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
const units: Schema = { type: 'integer', minimum: 0, maximum: 1_000_000 };

const headerName: Schema = { type: 'string', pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", maxLength: 100 };
const routePatterns: Schema = { type: 'array', items: { type: 'string', pattern: routePatternSyntax, maxLength: 500 }, maxItems: 100 };
const rules: Schema = {
  type: 'object',
  required: ['mode', 'routes', 'key', 'never'],
  additionalProperties: false,
  properties: {
    mode: { type: 'string', enum: sliceModes },
    routes: routePatterns,
    key: {
      type: 'object',
      required: ['from'],
      additionalProperties: false,
      properties: {
        from: { type: 'string', enum: ['cookie', 'header', 'claim', 'address'] },
        name: { type: 'string', pattern: '^[!-~]+$', maxLength: 200 },
      },
    },
    never: {
      type: 'object',
      required: ['keys', 'routes', 'headers'],
      additionalProperties: false,
      properties: {
        keys: { type: 'array', items: { type: 'string', pattern: '^[0-9a-f]{64}$' }, maxItems: 1000 },
        routes: routePatterns,
        headers: {
          type: 'array',
          maxItems: 100,
          items: {
            type: 'object',
            required: ['name', 'values'],
            additionalProperties: false,
            properties: { name: headerName, values: { type: 'array', items: { type: 'string', maxLength: 500 }, maxItems: 100 } },
          },
        },
      },
    },
    perSecond: { type: 'number', minimum: 0.001, maximum: 10_000_000 },
  },
};

/** Framing is not a fault's to say: two readers would see two answers. */
const spokenHeader: Schema = {
  type: 'string',
  pattern: '^(?!(?:content-length|transfer-encoding|connection|upgrade|trailer|te)$)[a-z0-9-]+$',
  maxLength: 100,
};
const file: Schema = { type: 'string', minLength: 1, maxLength: 4000 };
const milliseconds: Schema = { type: 'integer', minimum: 0, maximum: 86_400_000 };
const count: Schema = { type: 'integer', minimum: 0, maximum: 10_000_000 };

const pair: Schema = { type: 'object', required: ['cert', 'key'], additionalProperties: false, properties: { cert: pem, key: pem } };

const faultModes = [
  'abort',
  'delay',
  'answer',
  'reset',
  'hang',
  'refuse',
  'slow',
  'truncate',
  'garble',
  'headers',
  'repeat',
  'wrong-name',
  'expired',
];
const fault = (modes: readonly string[]): Schema => ({
  type: 'object',
  required: ['mode'],
  additionalProperties: false,
  properties: {
    mode: { type: 'string', enum: modes },
    delay: { type: 'string', enum: ['fixed', 'uniform', 'normal', 'exponential'] },
    spreadMs: { type: 'number', minimum: 0, maximum: 600_000 },
    bytesPerSecond: { type: 'integer', minimum: 1, maximum: 1_000_000_000 },
    afterBytes: { type: 'integer', minimum: 0, maximum: 1_000_000_000 },
    setHeaders: {
      type: 'array',
      maxItems: 50,
      items: {
        type: 'object',
        required: ['name', 'value'],
        additionalProperties: false,
        properties: { name: spokenHeader, value: { type: 'string', maxLength: 2000, pattern: '^[\\x20-\\x7e]*$' } },
      },
    },
    removeHeaders: { type: 'array', maxItems: 50, items: spokenHeader },
    times: { type: 'integer', minimum: 1, maximum: 10 },
    status: { type: 'integer', minimum: 200, maximum: 599 },
    delayMs: { type: 'number', minimum: 0, maximum: 600_000 },
    body: { type: 'string', maxLength: 100_000 },
    contentType: { type: 'string', maxLength: 200, pattern: '^[\\x20-\\x7e]*$' },
    percent: { type: 'number', minimum: 0, maximum: 100 },
    seed: { type: 'string', maxLength: 200 },
  },
});

/** What a router accepts, by the nouns of the wire. Unknown keys are refused. */
export const schemas = {
  runId,
  arm,
  route: {
    type: 'object',
    required: ['route', 'port', 'production'],
    additionalProperties: false,
    properties: {
      route: name,
      port: { type: 'integer', minimum: 0, maximum: 65535 },
      production: addresses,
      trustedProxies: {
        type: 'array',
        items: { type: 'string', pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$', maxLength: 60 },
        maxItems: 1000,
      },
      unattended: {
        type: 'object',
        required: ['afterMs', 'checkedBy'],
        additionalProperties: false,
        properties: { afterMs: milliseconds, checkedBy: { type: 'string', minLength: 1, maxLength: 100 } },
      },
      tls: {
        type: 'object',
        required: ['certFile', 'keyFile'],
        additionalProperties: false,
        properties: {
          certFile: file,
          keyFile: file,
          names: {
            type: 'array',
            maxItems: 1000,
            items: {
              type: 'object',
              required: ['name', 'certFile', 'keyFile'],
              additionalProperties: false,
              properties: { name: { type: 'string', pattern: '^(\\*\\.)?[a-z0-9.-]+$', maxLength: 253 }, certFile: file, keyFile: file },
            },
          },
        },
      },
      limits: {
        type: 'object',
        required: [],
        additionalProperties: false,
        properties: {
          headersMs: milliseconds,
          requestMs: milliseconds,
          bodyIdleMs: milliseconds,
          answerMs: milliseconds,
          keepAliveMs: milliseconds,
          connections: count,
          connectionsPerClient: count,
          inFlight: count,
        },
      },
    },
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
      controlTimes: { type: 'integer', minimum: 1, maximum: 4 },
      exposure: { type: 'string', enum: ['synthetic', 'reads', 'all'] },
      caps: {
        type: 'object',
        required: ['failures', 'latencyLimitMs', 'creditRate'],
        additionalProperties: false,
        properties: {
          failures: units,
          latencyLimitMs: { type: 'number', minimum: 1, maximum: 600_000 },
          creditRate: { type: 'number', minimum: 0, maximum: 1 },
          users: units,
        },
      },
      rules,
      leased: { type: 'boolean' },
      underFault: { type: 'boolean' },
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
      tls: {
        type: 'object',
        required: ['cert', 'key'],
        additionalProperties: false,
        properties: { cert: pem, key: pem, wrongName: pair, expired: pair },
      },
      trust: bundle,
      port: { type: 'integer', minimum: 0, maximum: 65_535 },
      stays: { type: 'boolean' },
      until,
    },
  },
  check: {
    type: 'object',
    required: ['path'],
    additionalProperties: false,
    properties: { path: { type: 'string', pattern: '^/', maxLength: 2000 } },
  },
  fault: fault(faultModes),
  requestFault: fault(requestFaultModes),
  order: {
    type: 'object',
    required: ['runId', 'life', 'turn', 'part'],
    additionalProperties: false,
    properties: {
      runId,
      life: name,
      turn: { type: 'integer', minimum: 1 },
      part: {
        type: 'object',
        required: ['failures', 'users'],
        additionalProperties: false,
        properties: { failures: units, users: { ...units, nullable: true } },
      },
    },
  },
  keys: {
    type: 'object',
    required: ['succeeded'],
    additionalProperties: false,
    properties: { succeeded: { type: 'array', maxItems: mostKeysAtOnce, items: { type: 'string', pattern: '^[0-9a-f]{16}$' } } },
  },
  halt: {
    type: 'object',
    required: ['why'],
    additionalProperties: false,
    properties: { why: { type: 'string', minLength: 1, maxLength: 500 } },
  },
  lease: { type: 'object', required: ['until'], additionalProperties: false, properties: { until } },
} as const satisfies Record<string, Schema>;
