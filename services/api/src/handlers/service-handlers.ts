import { HaldaneError, type ServiceRef } from '@haldane/core';
import { readable, readableServices } from '../access/reach.ts';
import type { Handler } from '../ask.ts';
import type { serviceOperations } from '../operations/service-operations.ts';
import { watchedBy } from '../slack/slack-app.ts';
import { lockedOf } from './gate-handlers.ts';

export const serviceHandlers = {
  listServices: async ({ desk, caller }) => readableServices(desk, caller),

  getService: async ({ desk, params }) => {
    const found = await desk.store.services.get(params);
    if (found === null) throw new HaldaneError('not-found', `${params.service} in ${params.environment} is not registered`);
    return found;
  },

  deployService: async ({ desk, body, permit }) => desk.deploy(body.file, permit),

  moveService: async ({ desk, caller, params, body, slack }) => {
    caller.require('administer', { team: body.team, service: params });
    return desk.store.services.move(params, body, watchedBy(slack, caller.token.subject).watched);
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

  lockService: async ({ desk, caller, params, body }) => {
    const by = caller.token.subject;
    const lock = await desk.store.policy.setLock(params, { why: body.why, by, livesMs: body.hours * 3_600_000 });
    // By itself a run looks for locks only where it goes further, and while it watches.
    const open = (await desk.store.policy.open()).filter(isOf(params));
    const why = `${params.service} in ${params.environment} was locked by ${by}: ${body.why}`;
    await Promise.all(open.map(({ id }) => desk.store.runs.askAbort(id, why)));
    return lock;
  },

  unlockService: async ({ desk, params }) => ({ unlocked: await desk.store.policy.unlock(params) }),

  listLocks: async ({ desk, caller }) => {
    const of = await readable(desk, caller);
    return (await desk.store.policy.locks()).filter((lock) => of === null || of.some(isOf(lock)));
  },

  listLockedRevisions: async ({ desk, caller }) => lockedOf(desk, await readableServices(desk, caller)),

  listExperiments: async ({ desk, caller }) => {
    const of = (await readable(desk, caller)) ?? (await readableServices(desk, caller));
    return desk.store.experiments.newest(of);
  },

  getExperiment: async ({ desk, params }) => {
    const versions = await desk.store.experiments.versions(params, params.name);
    if (versions.length === 0) throw new HaldaneError('not-found', `no experiment ${params.name} was run on ${params.service}`);
    return versions;
  },
} satisfies { readonly [Id in keyof typeof serviceOperations]: Handler<Id> };

const isOf = (one: ServiceRef) => (other: ServiceRef) => other.service === one.service && other.environment === one.environment;
