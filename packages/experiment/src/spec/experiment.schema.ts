import { type JsonObject, routePatternSyntax, type Scenario, sliceModes } from '@haldane/core';
import { nameSchema as name } from '@haldane/documents';

const seconds = (bounds: JsonObject): JsonObject => ({ type: ['number', 'string'], duration: bounds });

const routePatterns = (description: string): JsonObject => ({
  type: 'array',
  maxItems: 100,
  uniqueItems: true,
  default: [],
  items: {
    type: 'string',
    pattern: routePatternSyntax,
    known:
      'is no route pattern; write a path like /orders/* (one segment) or /public/** (all below), with a method before it if only that is meant',
  },
  description,
});

/** How the share of users is treated; what is left out is a plain slice. */
const slice: JsonObject = {
  type: 'object',
  description: 'how the users of the share are treated',
  additionalProperties: false,
  default: {},
  properties: {
    mode: {
      type: 'string',
      enum: [...sliceModes],
      default: 'route',
      description:
        'route: an arm answers; shield: production answers for an arm that fails; mirror: production answers and an arm gets a copy',
    },
    routes: routePatterns('only these enter an arm, like GET /orders/*; all when there is none (mirror: none)'),
    key: {
      type: 'string',
      pattern: '^(?:cookie|address|header [A-Za-z0-9-]+|claim [!-~]+)$',
      known: 'is no key; write cookie, address, header NAME or claim NAME',
      default: 'cookie',
      description: "what tells users apart: the router's own cookie, a header, a claim of the bearer token, or the address",
    },
    never: {
      type: 'object',
      description: 'who never enters an arm',
      additionalProperties: false,
      default: {},
      properties: {
        keys: {
          type: 'array',
          maxItems: 1000,
          default: [],
          items: { type: 'string', minLength: 1, asWritten: true },
          description: 'users by their key; the run keeps a digest',
        },
        routes: routePatterns('routes'),
        headers: {
          type: 'object',
          default: {},
          propertyNames: { pattern: '^[A-Za-z0-9-]+$' },
          additionalProperties: { type: 'array', items: { type: 'string', asWritten: true } },
          description: 'requests with one of these values of a header; none: with the header at all',
        },
      },
    },
    atMost: {
      type: ['number', 'string'],
      rate: { above: 0, atMost: 10_000_000 },
      description: 'the most requests a second in each arm, like 20/s; one user gets a tenth of it',
    },
    ramp: {
      type: 'array',
      maxItems: 20,
      default: [],
      description: 'smaller shares to go through first, while nothing speaks for harm',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['share', 'requests'],
        properties: {
          share: { type: ['number', 'string'], share: { above: 0, atMost: 0.5 }, description: "each arm's share in this stage" },
          requests: { type: 'integer', minimum: 1, maximum: 100_000_000, description: 'that each arm must have answered in it' },
          for: { ...seconds({ atMost: 86_400 }), default: 0, description: 'how long it lasts at least' },
        },
      },
    },
  },
};

/**
 * What an experiment file may say. `params` is the schema of the chosen scenario's own params, so that one check covers
 * the whole file; without a known scenario they are let through and the id is refused.
 * Beside JSON Schema it uses the keywords of the documents room; durations become seconds, shares 0..1, rates a second.
 */
export function experimentSchema(scenarioIds: readonly string[], params: JsonObject | null): JsonObject {
  const open =
    params === null ? { type: 'object', default: {} } : { ...params, default: {}, description: `what the scenario needs to know` };
  return {
    $id: 'haldane-experiment',
    type: 'object',
    additionalProperties: false,
    required: ['name', 'service', 'scenario', 'budget'],
    properties: {
      name: { ...name, description: 'what reports and the lock call this experiment' },
      about: { type: 'string', default: '', maxLength: 2000, description: 'why it is made' },
      service: { type: 'string', minLength: 1, description: "the path of the service's manifest, relative to this file" },
      scenario: {
        type: 'object',
        description: 'the one harmful change: id and params',
        additionalProperties: false,
        required: ['id'],
        properties: { id: { type: 'string', enum: scenarioIds, description: `one of ${scenarioIds.join(', ')}` }, params: open },
      },
      fault: { type: 'boolean', default: true, description: 'false: a rehearsal of the whole run without the change' },
      platform: { type: 'string', minLength: 1, default: 'local' },
      pipeline: { type: 'string', minLength: 1, default: 'manifest' },
      metrics: { type: 'string', minLength: 1, default: 'router' },
      share: {
        type: ['number', 'string'],
        share: { above: 0, atMost: 0.5 },
        default: '1%',
        description: "each arm's share of the route's traffic",
      },
      slice,
      traffic: {
        type: ['number', 'string'],
        rate: { above: 0, atMost: 10_000_000 },
        description: 'requests a second that the route usually carries, like 200/s; the plan measures instead when it can',
      },
      background: {
        type: ['number', 'string'],
        share: { atLeast: 0, atMost: 0.5 },
        default: 0,
        description: 'share of requests that fail anyway, like 0.1%; the plan refuses a budget that a sound service would spend',
      },
      exposure: {
        type: 'string',
        enum: ['synthetic', 'reads', 'all'],
        default: 'all',
        description: 'whose requests reach the faulted arm',
      },
      instances: { type: 'integer', minimum: 1, maximum: 20, default: 1, description: 'instances an arm' },
      controlTimes: {
        type: 'integer',
        minimum: 1,
        maximum: 4,
        default: 1,
        description: 'how many times as many users, and instances for them, control gets: harm shows earlier, fewer users meet it',
      },
      baseline: {
        ...seconds({ atLeast: 5, atMost: 3600 }),
        default: '60s',
        description: 'how long both arms are watched without the fault',
      },
      watch: {
        ...seconds({ atLeast: 5, atMost: 86_400 }),
        default: '10m',
        description: 'how long at most both arms are watched with the fault',
      },
      probes: {
        type: 'object',
        additionalProperties: false,
        default: {},
        properties: {
          legitimate: {
            type: ['number', 'string'],
            rate: { above: 0, atMost: 200 },
            default: '2/s',
            description: 'synthetic requests that must succeed, a second and arm',
          },
          hostile: {
            type: ['number', 'string'],
            rate: { above: 0, atMost: 200 },
            default: '2/s',
            description: 'synthetic requests that must be refused, a second and arm',
          },
          clean: {
            type: 'integer',
            minimum: 1,
            maximum: 100_000,
            default: 59,
            description: 'hostile requests that must be refused before users come back',
          },
        },
      },
      budget: {
        type: 'object',
        description: 'the most harm this run may do to users',
        additionalProperties: false,
        required: ['failures'],
        properties: {
          failures: {
            type: 'integer',
            minimum: 0,
            maximum: 1_000_000,
            description: 'the most failed requests of users, over both arms and the whole run',
          },
          users: {
            type: 'integer',
            minimum: 0,
            maximum: 1_000_000,
            description: 'the most distinct users who may see a failure; left out: as many as there are failures',
          },
          slowerThan: { ...seconds({ atLeast: 0.05, atMost: 300 }), default: '5s', description: 'a request slower than this is a failure' },
        },
      },
      tolerance: {
        type: 'object',
        additionalProperties: false,
        default: {},
        properties: {
          odds: { type: 'number', minimum: 1, maximum: 10, default: 1.25, description: 'how much larger the odds of a failure may be' },
          points: { type: 'number', minimum: 0, maximum: 100, default: 0.1, description: 'or how many percentage points more failures' },
          latency: { type: 'number', minimum: 1, maximum: 100, default: 1.5, description: 'how many times as long answers may take' },
        },
      },
      alpha: {
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 0.2,
        default: 0.05,
        description: 'the chance of a false alarm over the whole run',
      },
      contact: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 30, description: 'requests that must have met the fault' },
      noticed: {
        type: 'object',
        description: 'which alert must arrive; left out: nobody asks',
        additionalProperties: false,
        required: ['rules', 'receiver', 'within'],
        properties: {
          alerts: { type: 'string', minLength: 1, default: 'webhook', description: 'where alerts arrive' },
          rules: {
            type: 'array',
            minItems: 1,
            uniqueItems: true,
            items: { type: 'string', minLength: 1 },
            description: 'any of these rules counts',
          },
          receiver: { type: 'string', minLength: 1, description: 'who must get it' },
          within: { ...seconds({ above: 0, atMost: 86_400 }), description: 'how soon after the effect, like 30s' },
          fields: {
            type: 'array',
            uniqueItems: true,
            items: { type: 'string', minLength: 1 },
            default: [],
            description: 'what the alert must say to be acted on',
          },
          heartbeat: {
            type: 'string',
            minLength: 1,
            description: 'the rule whose alert is the heartbeat; left out: any with "heartbeat" in its name',
          },
          heartbeatWithin: {
            ...seconds({ above: 0, atMost: 3600 }),
            default: '30s',
            description: 'how soon the heartbeat alert must arrive',
          },
        },
      },
    },
  };
}

/** The ids and the params schema that the schema is made from, for a raw value that may be anything. */
export function schemaFor(raw: unknown, scenarios: readonly Scenario[]): JsonObject {
  const id = (raw as { scenario?: { id?: unknown } | null } | null)?.scenario?.id;
  return experimentSchema(
    scenarios.map((scenario) => scenario.id),
    scenarios.find((scenario) => scenario.id === id)?.params ?? null,
  );
}
