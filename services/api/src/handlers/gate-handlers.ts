import type { GateEntry, GateNote, ServiceRef } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { decideGate } from '@haldane/judge';
import type { Handler } from '../ask.ts';
import type { Desk } from '../desk.ts';

export const gateHandlers = {
  askGate: async ({ desk, caller, params, body }) => {
    const { gate, policy } = desk.store;
    const { revision, live = null } = body;
    const [wasLive, now, runs, modes, acceptances, broken, asked] = await Promise.all([
      gate.wasLive(params, revision),
      policy.now(),
      gate.judged(params),
      gate.entries(params, 'mode'),
      gate.entries(params, 'acceptance'),
      gate.entries(params, 'break-glass'),
      gate.entries(params, 'ask'),
    ]);
    const answer = decideGate({ ...params, revision, live, wasLive, now, runs, modes, acceptances, broken, asked });
    const blocking = answer.findings.filter(({ blocks }) => blocks).map(({ experiment }) => experiment);
    await gate.note(params, { kind: 'ask', revision, live, blocking }, caller.token.subject);
    return answer;
  },

  setGateMode: async ({ desk, caller, params, body }) => noted(desk, params, { kind: 'mode', debt: false, ...body }, caller.token.subject),

  acceptRisk: async ({ desk, caller, params, body }) => {
    const { experiment, lives, why } = body;
    const until = (await desk.store.policy.now()) + lives * 1000;
    return noted(desk, params, { kind: 'acceptance', experiment, until, why }, caller.token.subject);
  },

  breakGlass: async ({ desk, caller, params, body }) => noted(desk, params, { kind: 'break-glass', ...body }, caller.token.subject),
} satisfies { readonly [Id in GateOperations]: Handler<Id> };

type GateOperations = 'askGate' | 'setGateMode' | 'acceptRisk' | 'breakGlass';

async function noted(desk: Desk, service: ServiceRef, note: GateNote, who: string): Promise<GateEntry> {
  const { gate } = desk.store;
  await gate.note(service, note, who);
  const [entry] = await gate.entries(service, note.kind);
  if (entry === undefined) throw new HaldaneError('internal', `the ${note.kind} that was just noted is not there`);
  return entry;
}
