import type { JsonObject } from '@haldane/core';
import { variableSchema } from '@haldane/documents';

/** What a manifest says of the repository whose workflows deploy its service. */
export type GitHubSettings = {
  readonly api: string;
  readonly repository: string;
  readonly environment?: string;
  readonly workflow?: string;
  readonly harmless: readonly string[];
  readonly tokenEnv: string;
};

export const gitHubSettingsSchema: JsonObject = {
  type: 'object',
  description: 'the repository whose workflows deploy it',
  additionalProperties: false,
  required: ['repository', 'tokenEnv'],
  properties: {
    api: {
      type: 'string',
      writeOnly: true,
      default: 'https://api.github.com',
      pattern: '^https?://[^\\s/@?#]+(/[^\\s@?#]*)?$',
      known: 'is no address of an API; write it like https://github.example.com/api/v3, without a name and password in it',
      description: "the REST API's address",
    },
    repository: {
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\\.\\.?$)[A-Za-z0-9._-]{1,100}$',
      known: 'is no repository; write it like owner/name',
      description: 'as owner/name',
    },
    environment: {
      type: 'string',
      minLength: 1,
      maxLength: 255,
      description: "the environment's name at GitHub; without it the service's environment",
    },
    workflow: {
      type: 'string',
      pattern: '^[A-Za-z0-9._-]+\\.ya?ml$',
      known: 'is no file of a workflow; write its name alone, like deploy.yml',
      description: 'the workflow that deploys: a run of it is a deploy in progress before its job says so',
    },
    harmless: {
      type: 'array',
      uniqueItems: true,
      default: [],
      items: { type: 'string', minLength: 1 },
      description: 'names of jobs of that workflow that do not change the service, like the one that calls Haldane',
    },
    tokenEnv: {
      ...variableSchema,
      description: 'the variable that holds a token which may read deployments, actions and contents',
    },
  },
};
