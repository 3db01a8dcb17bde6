import type { JsonObject } from '@haldane/core';

// What Gate answers, as far as it is read: Clouddriver's server groups, and Orca's executions. Everything else in them is let be.

const text = { type: ['string', 'null'] };
const count = { type: ['number', 'null'] };
const anything = { type: ['object', 'null'] };

export type ServerGroup = {
  readonly name: string;
  readonly region: string;
  readonly cloudProvider?: string | null;
  readonly disabled?: boolean | null;
  readonly isDisabled?: boolean | null;
  readonly createdTime?: number | null;
  readonly instanceCounts?: { readonly total?: number | null; readonly up?: number | null } | null;
  readonly capacity?: { readonly min?: number | null; readonly max?: number | null; readonly desired?: number | null } | null;
  readonly image?: { readonly imageId?: string | null; readonly name?: string | null } | null;
  readonly launchTemplate?: {
    readonly launchTemplateId?: string | null;
    readonly launchTemplateName?: string | null;
    readonly versionNumber?: number | null;
    readonly launchTemplateData?: { readonly imageId?: string | null } | null;
  } | null;
  readonly launchConfig?: { readonly launchConfigurationName?: string | null; readonly imageId?: string | null } | null;
  readonly buildInfo?: {
    readonly package_name?: string | null;
    readonly version?: string | null;
    readonly commit?: string | null;
    readonly jenkins?: { readonly name?: string | null; readonly number?: string | number | null } | null;
    readonly images?: readonly string[] | null;
  } | null;
  readonly targetGroups?: readonly string[] | null;
};

const serverGroup = {
  type: 'object',
  required: ['name', 'region'],
  properties: {
    name: { type: 'string' },
    region: { type: 'string' },
    cloudProvider: text,
    disabled: { type: ['boolean', 'null'] },
    isDisabled: { type: ['boolean', 'null'] },
    createdTime: count,
    instanceCounts: { ...anything, properties: { total: count, up: count } },
    capacity: { ...anything, properties: { min: count, max: count, desired: count } },
    image: { ...anything, properties: { imageId: text, name: text } },
    launchTemplate: {
      ...anything,
      properties: {
        launchTemplateId: text,
        launchTemplateName: text,
        versionNumber: count,
        launchTemplateData: { ...anything, properties: { imageId: text } },
      },
    },
    launchConfig: { ...anything, properties: { launchConfigurationName: text, imageId: text } },
    buildInfo: {
      ...anything,
      properties: {
        package_name: text,
        version: text,
        commit: text,
        jenkins: { ...anything, properties: { name: text, number: { type: ['string', 'number', 'null'] } } },
        images: { type: ['array', 'null'], items: { type: 'string' } },
      },
    },
    targetGroups: { type: ['array', 'null'], items: { type: 'string' } },
  },
};

export const serverGroupSchema: JsonObject = serverGroup;
export const serverGroupsSchema: JsonObject = { type: 'array', items: serverGroup };

export type Stage = {
  readonly id: string;
  readonly type: string;
  readonly name?: string | null;
  readonly status: string;
  readonly parentStageId?: string | null;
  readonly context?: JsonObject | null;
};

/** A pipeline's execution, or inside of a task the execution that it is. */
export type Execution = { readonly id: string; readonly name?: string | null; readonly stages: readonly Stage[] };

/** What a person or a program asked for outside of any pipeline. */
export type Task = { readonly id: string; readonly name?: string | null; readonly execution: Execution };

const execution = {
  type: 'object',
  required: ['id', 'stages'],
  properties: {
    id: { type: 'string' },
    name: text,
    stages: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'type', 'status'],
        properties: {
          id: { type: 'string' },
          type: { type: 'string' },
          name: text,
          status: { type: 'string' },
          parentStageId: text,
          context: anything,
        },
      },
    },
  },
};

export const executionsSchema: JsonObject = { type: 'array', items: execution };
export const tasksSchema: JsonObject = {
  type: 'array',
  items: { type: 'object', required: ['id', 'execution'], properties: { id: { type: 'string' }, name: text, execution } },
};
