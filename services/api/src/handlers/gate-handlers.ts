import type { GateEntry, GateNote, LockedRevision, ServiceRef } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { byCommit, commitOf, decideGate, lockedRevisions } from '@haldane/judge';
import type { Handler } from '../ask.ts';
import type { Desk } from '../desk.ts';

export const gateHandlers = {
  askGate: async ({ desk, caller, params, body }) => {
    const { gate } = desk.store;
    const known = await knownAtGate(desk, params);
    const revision = commitOf(body.revision, known.runs);
    const live = body.live === undefined ? null : commitOf(body.live, known.runs);
    const names = [...new Set([revision, body.revision])];
    const wereLive = await Promise.all(names.map((name) => gate.wasLive(params, name)));
    const answer = decideGate({ ...known, revision, live, wasLive: wereLive.includes(true) });
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
} satisfies { readonly [Id in GateOperations]: Handler<Id> };

type GateOperations = 'askGate' | 'setGateMode' | 'acceptRisk' | 'resolveFinding' | 'breakGlass' | 'noteCameIn';

async function noted(desk: Desk, service: ServiceRef, note: GateNote, who: string): Promise<GateEntry> {
  const { gate } = desk.store;
  await gate.note(service, note, who);
  const [entry] = await gate.entries(service, note.kind);
  if (entry === undefined) throw new HaldaneError('internal', `the ${note.kind} that was just noted is not there`);
  return entry;
}

/** What runs have found of the service and what was said to it. */
export async function knownAtGate(desk: Desk, { service, environment }: ServiceRef) {
  const { gate, policy } = desk.store;
  const of = { service, environment };
  const [now, runs, modes, acceptances, resolutions, asked, broken, choices, cameIn] = await Promise.all([
    policy.now(),
    gate.judged(of),
    gate.entries(of, 'mode'),
    gate.entries(of, 'acceptance'),
    gate.entries(of, 'resolution'),
    gate.entries(of, 'ask'),
    gate.entries(of, 'break-glass'),
    gate.entries(of, 'choice'),
    gate.entries(of, 'came-in'),
  ]);
  return { ...of, now, runs, modes, acceptances, ...byCommit({ resolutions, asked, broken, choices, cameIn }, runs) };
}

/** Regressions of these services that nobody has answered for. */
export async function lockedOf(desk: Desk, services: readonly ServiceRef[]): Promise<readonly LockedRevision[]> {
  const locked: LockedRevision[] = [];
  // One after the other: a list of everything must not take the database's connections from what runs.
  for (const service of services) locked.push(...lockedRevisions(await knownAtGate(desk, service)));
  return locked;
}
