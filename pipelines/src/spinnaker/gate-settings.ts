import type { JsonObject } from '@haldane/core';
import { variableSchema as variable } from '@haldane/documents';

/** What a manifest says of the Spinnaker that deploys its service. */
export type GateSettings = {
  readonly gate: string;
  readonly application: string;
  readonly account: string;
  readonly cluster?: string;
  readonly region?: string;
  readonly harmless: readonly string[];
  readonly tokenEnv?: string;
  readonly user?: string;
  readonly passwordEnv?: string;
};

const name = {
  type: 'string',
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$',
  known: 'is no name of Spinnaker; use letters, digits, dots, dashes and underscores',
};

export const gateSettingsSchema: JsonObject = {
  type: 'object',
  description: "the Spinnaker that deploys it, as its Gate's address, application and account",
  additionalProperties: false,
  required: ['gate', 'application', 'account'],
  dependencies: { user: ['passwordEnv'], passwordEnv: ['user'] },
  properties: {
    gate: {
      type: 'string',
      writeOnly: true,
      pattern: '^https?://[^\\s/@?#]+(/[^\\s@?#]*)?$',
      known: 'is no address of Gate; write it like https://gate.example.com, without a name and password in it',
      description: "the address of Spinnaker's API",
    },
    application: { ...name, description: "the application's name" },
    account: { ...name, description: 'the account of Spinnaker that it is deployed to' },
    cluster: { ...name, description: "Spinnaker's cluster, like payments-prod; without it the one under deployed, or the service's name" },
    region: { ...name, description: 'which region, where it is in several' },
    harmless: {
      type: 'array',
      uniqueItems: true,
      default: [],
      items: { type: 'string', minLength: 1 },
      description: 'types of stages that do not change the service, like runTests',
    },
    tokenEnv: { ...variable, description: 'the variable that holds a bearer token' },
    user: { type: 'string', minLength: 1, description: 'for basic authentication' },
    passwordEnv: variable,
  },
};
