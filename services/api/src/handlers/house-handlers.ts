import { readAlerts } from '@haldane/alerts';
import { HaldaneError } from '@haldane/core';
import type { Handler } from '../ask.ts';
import { exposition } from '../exposition.ts';
import { linkToNext } from '../link.ts';
import type { houseOperations } from '../operations/house-operations.ts';

export const houseHandlers = {
  getHealth: async () => ({ ok: true }),

  getReadiness: async ({ desk }) => {
    await desk.store.halt.get();
    return { ready: true };
  },

  getMetrics: async ({ desk, reply }) => {
    void reply.type('text/plain; version=0.0.4; charset=utf-8');
    return exposition(await desk.store.figures.read());
  },

  listSchedules: async ({ desk }) => {
    const all = await desk.store.schedules.list();
    return Promise.all(all.map(async (one) => ({ ...one, times: await desk.store.schedules.times(one.id, 5) })));
  },

  addSchedule: async ({ desk, body, permit }) => ({ ...(await desk.schedule(body, permit)), times: [] }),

  removeSchedule: async ({ desk, params }) => {
    if (!(await desk.store.schedules.remove(params.id))) throw new HaldaneError('not-found', `there is no schedule "${params.id}"`);
    return { removed: params.id };
  },

  listScenarios: async ({ desk }) => desk.scenarios(),

  sweep: async ({ desk, body }) => desk.sweep(body.end),

  listAlerts: async ({ desk, query, request }) => {
    const reading = await desk.store.alerts.alerts('', query, request.signal);
    if (reading.state === 'unavailable') throw new HaldaneError('unavailable', `the inbox of alerts cannot be read: ${reading.why}`);
    return reading.state === 'ok' ? reading.points : [];
  },

  sendAlert: async ({ desk, params, request, fetchSns }) => {
    const alerts = await readAlerts(params.receiver, request.body, Date.now(), fetchSns);
    for (const alert of alerts) await desk.store.alerts.receive(alert);
    return { received: alerts.length };
  },

  listAudit: async ({ desk, query, request, reply }) => {
    const { limit = 100, after = 0 } = query;
    const entries = await desk.store.audit.read(after, limit);
    if (entries.length === limit) linkToNext(request, reply, { after: entries.at(-1)?.seq ?? 0, limit });
    return entries;
  },

  getAuditHead: async ({ desk }) => (await desk.store.audit.head()) ?? { seq: 0, hash: '0'.repeat(64) },

  listSigningKeys: async ({ desk }) => desk.signingKeys(),

  getHalt: async ({ desk }) => desk.store.halt.get(),

  halt: async ({ desk, caller, body }) => ({ stopped: await desk.store.halt.halt(body.why, caller.token.subject) }),

  liftHalt: async ({ desk, caller, body }) => {
    await desk.store.halt.lift(body.why, caller.token.subject);
    return desk.store.halt.get();
  },
} satisfies { readonly [Id in keyof typeof houseOperations]: Handler<Id> };
