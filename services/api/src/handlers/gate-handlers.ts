import type { GateEntry, GateNote, LockedRevision, ServiceRef } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { lockedRevisions } from '@haldane/judge';
import type { Handler } from '../ask.ts';
import type { Desk } from '../desk.ts';
import { gateAnswer, knownAtGate } from '../gate-answer.ts';
import type { gateOperations } from '../operations/gate-operations.ts';

export const gateHandlers = {
  askGate: async ({ desk, caller, params, body }) => {
    const { gate } = desk.store;
    const answer = await gateAnswer(desk, params, body.revision, body.live ?? null);
    const { revision } = answer;
    const live = body.live === undefined ? null : answer.live;
    // What waits for a run found nothing that a second run could confirm.
    const found = answer.findings.filter(({ blocks, standing }) => blocks && standing !== 'owed');
    const blocking = found.map(({ experiment }) => experiment);
    const { decision, why } = answer;
    await gate.note(params, { kind: 'ask', revision, live, blocking, decision, why }, caller.token.subject);
    return answer;
  },

  setGateMode: async ({ desk, caller, params, body }) => noted(desk, params, { kind: 'mode', debt: false, ...body }, caller.token.subject),

  acceptRisk: async ({ desk, caller, params, body }) => {
    const { experiment, lives, why } = body;
    const until = (await desk.store.policy.now()) + lives * 1000;
    return noted(desk, params, { kind: 'acceptance', experiment, until, why }, caller.token.subject);
  },

  resolveFinding: async ({ desk, caller, params, body }) => noted(desk, params, { kind: 'resolution', ...body }, caller.token.subject),

  breakGlass: async ({ desk, caller, params, body }) => noted(desk, params, { kind: 'break-glass', ...body }, caller.token.subject),

  noteCameIn: async ({ desk, caller, params, body }) =>
    noted(desk, params, { kind: 'came-in', first: null, ...body }, caller.token.subject),
} satisfies { readonly [Id in keyof typeof gateOperations]: Handler<Id> };

async function noted(desk: Desk, service: ServiceRef, note: GateNote, who: string): Promise<GateEntry> {
  const { gate } = desk.store;
  await gate.note(service, note, who);
  const [entry] = await gate.entries(service, note.kind);
  if (entry === undefined) throw new HaldaneError('internal', `the ${note.kind} that was just noted is not there`);
  return entry;
}

/** Regressions of these services that nobody has answered for. */
export async function lockedOf(desk: Desk, services: readonly ServiceRef[]): Promise<readonly LockedRevision[]> {
  const locked: LockedRevision[] = [];
  // One after the other: a list of everything must not take the database's connections from what runs.
  for (const service of services) locked.push(...lockedRevisions(await knownAtGate(desk, service)));
  return locked;
}
