import { ChoiceBody, FileBody, ServiceParams } from '@haldane/client/schema';
import type { Operation } from './operation.ts';

/** Which experiments a deploy needs. */
export const choiceOperations = {
  defineExperiment: {
    method: 'POST',
    path: '/v1/definitions',
    says: 'What the experiment in a file is: its service, its scenario, how long it watches. Touches nothing.',
    on: 'file',
    may: 'run',
    body: FileBody,
    quiet: true,
  },
  listVerified: {
    method: 'GET',
    path: '/v1/services/:service/:environment/verified',
    says: 'The experiments that were run on a service, and at which revision each has its newest answer.',
    on: 'service',
    may: 'read',
    params: ServiceParams,
  },
  chooseExperiments: {
    method: 'POST',
    path: '/v1/services/:service/:environment/choice',
    says: 'Which experiments a deploy needs, from what differs since their evidence. The answer is written down, and the gate goes by it.',
    on: 'service',
    may: 'run',
    params: ServiceParams,
    body: ChoiceBody,
  },
} as const satisfies Record<string, Operation>;
