import type { JsonObject } from '@haldane/core';
import { nameSchema, variableSchema } from '@haldane/documents';
import { gitHubSettingsSchema } from '../github-settings.ts';

const { api, repository } = gitHubSettingsSchema['properties'] as { readonly api: JsonObject; readonly repository: JsonObject };

/** What haldane.github.yaml may say. */
export const appFileSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  required: ['app', 'privateKeyEnv', 'webhookSecretEnv'],
  properties: {
    app: {
      type: 'string',
      asWritten: true,
      pattern: '^[A-Za-z0-9.]{1,40}$',
      known: "is no App; write its client id (like Iv23liABC) or its number, from the App's page",
      description: "the App's client id, or its number",
    },
    privateKeyEnv: { ...variableSchema, description: "the variable that holds the App's private key, as GitHub gave it (PEM)" },
    webhookSecretEnv: { ...variableSchema, description: "the variable that holds the App's webhook secret" },
    api,
    link: {
      type: 'string',
      pattern: '^https?://[^\\s/@]+(/[^\\s@]*)?$',
      known: 'is no address to use here; write https:// and a host',
      description: 'where people reach this Haldane',
    },
    deploys: {
      type: 'array',
      default: [],
      description: 'deploys that wait for Haldane, by the protection rule of their environment',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['repository', 'environment', 'service', 'testedIn'],
        properties: {
          repository,
          environment: { type: 'string', minLength: 1, maxLength: 255, description: "the protected environment's name at GitHub" },
          service: { ...nameSchema, description: 'the service that is deployed' },
          testedIn: { ...nameSchema, description: "the service's environment where the revision is tried out, and whose gate is asked" },
          experiments: {
            type: 'array',
            uniqueItems: true,
            default: [],
            items: { type: 'string', pattern: '^/', known: 'is no whole path; write one that begins with /', maxLength: 500 },
            description: "files on the disk of Haldane's runners; without any, the gate is asked at once",
          },
          choose: {
            type: 'object',
            additionalProperties: false,
            description: 'only those of the experiments are run that the deploy needs',
            properties: {
              checkout: {
                type: 'string',
                pattern: '^/',
                known: 'is no whole path; write one that begins with /',
                maxLength: 500,
                description: "a clone of the service's repository on Haldane's disk; without it nobody can tell what changed",
              },
              paths: {
                type: 'array',
                uniqueItems: true,
                default: [],
                items: { type: 'string', minLength: 1, maxLength: 500 },
                description: 'what of it the service is made of; all of it when there is none',
              },
              maxMinutes: {
                type: 'integer',
                minimum: 0,
                maximum: 10_080,
                description: 'what the runs may take together; the others wait until after the deploy',
              },
            },
          },
          inconclusive: {
            type: 'string',
            enum: ['approve', 'wait', 'reject'],
            default: 'approve',
            description: 'what holds when an experiment ends without an answer',
          },
        },
      },
    },
  },
};
