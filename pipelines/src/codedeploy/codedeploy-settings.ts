import type { JsonObject } from '@haldane/core';

/** Where a commit stands in what a deployment says of itself: `like` is all of the text, with {commit} in its place and * for whatever differs. */
export type CommitRule = { readonly in: 'key' | 'description'; readonly like: string };

/** What a manifest says of the deployment group that its service is deployed by. */
export type CodeDeploySettings = {
  readonly application: string;
  readonly deploymentGroup: string;
  readonly region?: string;
  readonly commit?: CommitRule;
};

const name = { type: 'string', minLength: 1, maxLength: 100 };

export const codeDeploySettingsSchema: JsonObject = {
  type: 'object',
  description: 'the deployment group of AWS CodeDeploy that it is deployed by',
  additionalProperties: false,
  required: ['application', 'deploymentGroup'],
  properties: {
    application: { ...name, description: "the application's name in CodeDeploy" },
    deploymentGroup: { ...name, description: "the deployment group's name" },
    region: {
      type: 'string',
      pattern: '^[a-z]{2,4}(-[a-z]+)+-\\d{1,2}$',
      known: 'is no region of AWS; write it like eu-west-1',
      description: 'without it the one of HALDANE_AWS_REGION',
    },
    commit: {
      type: 'object',
      description: 'where the commit stands, if bundles are deployed from S3; without it the bundle is what is live',
      additionalProperties: false,
      required: ['in', 'like'],
      properties: {
        in: { enum: ['key', 'description'], description: "the bundle's key, or the deployment's description" },
        like: {
          type: 'string',
          maxLength: 200,
          pattern: '^(?!([^*]*\\*){3})[^{}]*\\{commit\\}[^{}]*$',
          known: 'says not where the commit is; write {commit} in its place, and at most two * for what differs',
          description: 'all of it, like releases/payments-*-{commit}.zip',
        },
      },
    },
  },
};
