import type { JsonObject } from '@haldane/core';

// What GitHub's REST API answers, as far as it is read. Everything else in it is let be.

const text = { type: ['string', 'null'] };

export type GitHubDeployment = {
  readonly id: number;
  readonly sha: string;
  readonly ref: string;
  readonly created_at: string;
};
export const deploymentsSchema: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    required: ['id', 'sha', 'ref', 'created_at'],
    properties: {
      id: { type: 'number' },
      sha: { type: 'string' },
      ref: { type: 'string' },
      created_at: { type: 'string' },
    },
  },
};

export type GitHubDeploymentStatus = { readonly state: string; readonly created_at: string };
export const deploymentStatusesSchema: JsonObject = {
  type: 'array',
  items: {
    type: 'object',
    required: ['state', 'created_at'],
    properties: { state: { type: 'string' }, created_at: { type: 'string' } },
  },
};

export type GitHubEnvironments = { readonly environments: readonly { readonly name: string }[] };
export const environmentsSchema: JsonObject = {
  type: 'object',
  required: ['environments'],
  properties: {
    environments: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
  },
};

export type GitHubRuns = {
  readonly workflow_runs: readonly {
    readonly id: number;
    readonly name?: string | null;
    readonly run_number: number;
    readonly status: string | null;
  }[];
};
export const runsSchema: JsonObject = {
  type: 'object',
  required: ['workflow_runs'],
  properties: {
    workflow_runs: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'run_number', 'status'],
        properties: { id: { type: 'number' }, name: text, run_number: { type: 'number' }, status: text },
      },
    },
  },
};

export type GitHubJobs = { readonly jobs: readonly { readonly name: string; readonly status: string }[] };
export const jobsSchema: JsonObject = {
  type: 'object',
  required: ['jobs'],
  properties: {
    jobs: {
      type: 'array',
      items: { type: 'object', required: ['name', 'status'], properties: { name: { type: 'string' }, status: { type: 'string' } } },
    },
  },
};

export type GitHubCommit = {
  readonly sha: string;
  readonly commit: { readonly message: string; readonly committer?: { readonly date?: string } | null };
};
export const commitSchema: JsonObject = {
  type: 'object',
  required: ['sha', 'commit'],
  properties: {
    sha: { type: 'string' },
    commit: {
      type: 'object',
      required: ['message'],
      properties: {
        message: { type: 'string' },
        committer: { type: ['object', 'null'], properties: { date: { type: 'string' } } },
      },
    },
  },
};
