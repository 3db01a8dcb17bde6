import { parseAlerts } from '@haldane/alerts';
import type { Handler } from '../ask.ts';
import { linkToNext } from '../link.ts';

export const houseHandlers = {
  getHealth: async () => ({ ok: true }),

  listScenarios: async ({ desk }) => desk.scenarios(),

  sweep: async ({ desk, body }) => desk.sweep(body.end),

  listAlerts: async ({ desk, query, request }) => {
    const reading = await desk.store.alerts.alerts('', query, request.signal);
    return reading.state === 'ok' ? reading.points : [];
  },

  sendAlert: async ({ desk, params, request }) => {
    const alerts = parseAlerts(params.receiver, request.body, Date.now());
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

  getHalt: async ({ desk }) => desk.store.halt.get(),

  halt: async ({ desk, caller, body }) => ({ stopped: await desk.store.halt.halt(body.why, caller.token.subject) }),

  liftHalt: async ({ desk, caller, body }) => {
    await desk.store.halt.lift(body.why, caller.token.subject);
    return desk.store.halt.get();
  },
} satisfies { readonly [Id in HouseOperations]: Handler<Id> };

type HouseOperations =
  | 'getHealth'
  | 'listScenarios'
  | 'sweep'
  | 'listAlerts'
  | 'sendAlert'
  | 'listAudit'
  | 'getAuditHead'
  | 'getHalt'
  | 'halt'
  | 'liftHalt';
