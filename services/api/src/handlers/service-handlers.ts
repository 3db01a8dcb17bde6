import { HaldaneError } from '@haldane/core';
import { readable, readableServices } from '../access/reach.ts';
import type { Handler } from '../ask.ts';

export const serviceHandlers = {
  listServices: async ({ desk, caller }) => readableServices(desk, caller),

  getService: async ({ desk, params }) => {
    const found = await desk.store.services.get(params);
    if (found === null) throw new HaldaneError('not-found', `${params.service} in ${params.environment} is not registered`);
    return found;
  },

  deployService: async ({ desk, body, permit }) => desk.deploy(body.file, permit),

  moveService: async ({ desk, caller, params, body }) => {
    caller.require('administer', { team: body.team, service: params });
    return desk.store.services.move(params, body);
  },

  approveScenario: async ({ desk, caller, params, body }) => {
    const scenario = desk.scenarios().find(({ id }) => id === body.scenario);
    if (scenario === undefined)
      throw new HaldaneError(
        'unknown-id',
        `there is no scenario "${body.scenario}"; known: ${desk
          .scenarios()
          .map(({ id }) => id)
          .join(', ')}`,
      );
    const { id, version } = scenario;
    await desk.store.policy.approve({ ...params, scenario: id, version, who: caller.token.subject, why: body.why });
    return { scenario: id, version, approvedBy: await desk.store.policy.approvals(params, id, version) };
  },

  listExperiments: async ({ desk, caller }) => {
    const of = (await readable(desk, caller)) ?? (await readableServices(desk, caller));
    return desk.store.experiments.newest(of);
  },

  getExperiment: async ({ desk, params }) => {
    const versions = await desk.store.experiments.versions(params, params.name);
    if (versions.length === 0) throw new HaldaneError('not-found', `no experiment ${params.name} was run on ${params.service}`);
    return versions;
  },
} satisfies { readonly [Id in ServiceOperations]: Handler<Id> };

type ServiceOperations =
  | 'approveScenario'
  | 'listServices'
  | 'getService'
  | 'deployService'
  | 'moveService'
  | 'listExperiments'
  | 'getExperiment';
