import type { JsonObject } from '@haldane/core';
import { nameSchema as name, variableSchema as variable } from '@haldane/documents';
import { liveSources } from '../live-sources.ts';

const path = { type: 'string', pattern: '^/(?!/)[^\\s\\\\#]*$', known: 'is no path; it must begin with one "/", like /healthz' };
// Not shown in messages: a wrong one may hold a password.
const httpUrl = {
  type: 'string',
  writeOnly: true,
  pattern: '^https?://[^\\s/@]+(/[^\\s@]*)?$',
  known: 'is no address to use here; write http:// or https:// and a host, without a name and password in it',
};
const environment = { type: 'object', propertyNames: variable, additionalProperties: { type: 'string', asWritten: true, writeOnly: true } };

const patience = { type: ['number', 'string'], duration: { atMost: 86_400 } };
const atOnce = { type: 'integer', minimum: 0, maximum: 10_000_000 };

const request = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'path'],
  properties: {
    name: { ...name, description: 'what reports call this request' },
    method: { type: 'string', enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], default: 'GET' },
    path: { ...path, description: 'a path of the service, like /accounts/me' },
    headers: {
      type: 'object',
      default: {},
      propertyNames: {
        type: 'string',
        pattern:
          '^(?!(?:[Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz][Aa][Tt][Ii][Oo][Nn]|[Cc][Oo][Oo][Kk][Ii][Ee]|[Hh][Oo][Ss][Tt]|[Xx]-[Hh][Aa][Ll][Dd][Aa][Nn][Ee]-.*|[Xx]-[Aa][Pp][Ii]-[Kk][Ee][Yy])$)[A-Za-z0-9-]+$',
        known: 'is no header for a request here; credentials come from "as: <identity>", host and x-haldane-* are ours',
      },
      additionalProperties: { type: 'string', asWritten: true },
    },
    body: { type: 'string', description: 'sent as it is; set a content-type header beside it' },
    as: { type: 'string', description: 'the identity whose credential it carries' },
    protected: { type: 'boolean', default: false, description: 'true when it must be refused without a valid credential' },
  },
};

/** What a deployment manifest may say. Beside JSON Schema it uses the keywords of the documents room. */
export const manifestSchema: JsonObject = {
  $id: 'haldane-manifest',
  type: 'object',
  additionalProperties: false,
  required: ['service', 'environment', 'owner'],
  properties: {
    service: { ...name, description: 'the name of the service' },
    environment: { ...name, description: 'where it runs, like production or demo' },
    owner: {
      type: 'object',
      description: 'team and contact of who answers for it',
      additionalProperties: false,
      required: ['team', 'contact'],
      properties: {
        team: { type: 'string', minLength: 1, description: 'who owns the service' },
        contact: { type: 'string', minLength: 1, description: 'where to reach them' },
      },
    },
    platform: { type: 'string', minLength: 1, default: 'local', description: 'where it runs' },
    optIn: { type: 'array', uniqueItems: true, default: [], items: name, description: 'scenarios that the owner allows' },
    deployed: {
      type: 'object',
      description: 'where it runs already, by the names of its platform, in place of deploy and route',
      additionalProperties: false,
      required: ['cluster', 'route'],
      properties: {
        cluster: { type: 'string', minLength: 1, maxLength: 255, description: "production's cluster, like an Auto Scaling group" },
        route: { type: 'string', minLength: 1, maxLength: 255, description: 'where its traffic comes in, like payments-alb:443/10' },
        withoutHooks: {
          type: 'array',
          uniqueItems: true,
          items: { type: 'string', minLength: 1, maxLength: 255 },
          description: "lifecycle hooks at the launch of production's instances that arms can be without",
        },
      },
    },
    pipeline: {
      type: 'object',
      description: 'the CI/CD system that deploys it and is asked what is live; without it this file says so',
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
      properties: Object.fromEntries(liveSources.map(({ id, settings }) => [id, settings])),
    },
    deploy: {
      type: 'object',
      description: 'how its processes are started',
      additionalProperties: false,
      required: ['command', 'health'],
      properties: {
        command: {
          type: 'array',
          minItems: 1,
          items: { type: 'string', minLength: 1, asWritten: true },
          description: 'program and arguments, like [node, server.js]',
        },
        cwd: {
          type: 'string',
          minLength: 1,
          default: '.',
          description: 'where a relative program or script is found, relative to this file',
        },
        env: { ...environment, default: {} },
        secrets: {
          type: 'array',
          uniqueItems: true,
          default: [],
          items: variable,
          description: "variables of the runner's own environment that are passed on",
        },
        portEnv: { ...variable, default: 'PORT' },
        instanceEnv: variable,
        health: {
          type: 'object',
          description: 'path that answers 2xx when an instance is ready',
          additionalProperties: false,
          required: ['path'],
          properties: {
            path: { ...path, description: 'like /healthz' },
            within: { type: ['number', 'string'], duration: { above: 0, atMost: 600 }, default: '30s' },
          },
        },
        instances: { type: 'integer', minimum: 1, maximum: 100, default: 1 },
        revision: {
          type: 'string',
          asWritten: true,
          minLength: 1,
          maxLength: 100,
          description: 'what is deployed; without it the git revision of the folder',
        },
      },
    },
    route: {
      type: 'object',
      description: 'the front door of its traffic',
      additionalProperties: false,
      required: ['port'],
      properties: {
        name,
        port: { type: 'integer', minimum: 0, maximum: 65_535, description: 'where users enter; 0 takes a free one' },
        trustedProxies: {
          type: 'array',
          uniqueItems: true,
          items: {
            type: 'string',
            pattern: '^[0-9a-fA-F.:]+(/[0-9]{1,3})?$',
            maxLength: 60,
            known: 'is no address or network; write it like 10.0.0.0/8',
          },
          description: 'addresses of balancers before it, which may say where a request is from',
        },
        limits: {
          type: 'object',
          description: 'what differs from the usual limits of a door; 0 is no limit',
          additionalProperties: false,
          properties: {
            headers: { ...patience, description: 'until the headers of a request are whole; usually 15s' },
            request: { ...patience, description: 'until its body is whole; usually 1h' },
            bodyIdle: { ...patience, description: 'how long a body may stand still; usually 60s' },
            answer: { ...patience, description: 'how long the service may think until its answer begins; usually 5m' },
            keepAlive: { ...patience, description: 'how long a connection is kept between requests; usually 65s' },
            connections: { ...atOnce, description: 'usually 10000' },
            connectionsPerClient: { ...atOnce, description: 'from one address that is no trusted proxy; usually 1000' },
            inFlight: { ...atOnce, description: 'requests under way, one more is answered 503; usually 10000' },
          },
        },
      },
    },
    dependencies: {
      type: 'array',
      default: [],
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'env', 'url', 'as'],
        properties: {
          name: { ...name, description: 'what experiments call it' },
          env: { ...variable, description: 'the variable that tells the service its address' },
          url: {
            type: 'string',
            writeOnly: true,
            pattern: '^[a-z][a-z0-9+.-]*://[^\\s/]+',
            known: 'is no address; write it like https://host:port/path',
            description: 'its real address',
          },
          as: { type: 'string', enum: ['http', 'https', 'tcp'], description: 'http, https or tcp' },
          ca: { ...variable, description: 'the variable that takes a file of trusted certificates' },
        },
      },
    },
    intake: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'kind', 'off'],
        properties: {
          name,
          kind: { type: 'string', minLength: 1, description: 'queue, cron, discovery, migration, ...' },
          off: { ...environment, minProperties: 1, description: 'the variables that turn it off in the arms' },
        },
      },
    },
    synthetic: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        identities: {
          type: 'array',
          default: [],
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'token'],
            properties: {
              name,
              token: {
                type: 'object',
                description: 'where its credential comes from',
                additionalProperties: false,
                required: ['from'],
                properties: {
                  from: { type: 'string', enum: ['client-credentials', 'static'], description: 'client-credentials or static' },
                  url: httpUrl,
                  clientId: { type: 'string', asWritten: true, minLength: 1 },
                  clientSecretEnv: variable,
                  form: { type: 'object', additionalProperties: { type: 'string', asWritten: true } },
                  valueEnv: variable,
                },
              },
            },
          },
        },
        requests: { type: 'array', default: [], items: request },
        jwksUrl: httpUrl,
        heartbeat: request,
      },
    },
  },
};
