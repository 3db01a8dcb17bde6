import type { GateAnswer, ServiceRef } from '@haldane/core';
import { byCommit, commitOf, decideGate, platformNamesOf, withCommits } from '@haldane/judge';
import type { Desk } from './desk.ts';

type Known = { readonly store: Pick<Desk['store'], 'gate' | 'policy'> };

/** What the gate says of a revision now. That somebody asked is for whoever asks to write down. `live`: what the pipeline says is. */
export async function gateAnswer(from: Known, service: ServiceRef, asked: string, live: string | null): Promise<GateAnswer> {
  const known = await knownAtGate(from, service);
  const revision = commitOf(asked, known.runs);
  const names = [...new Set([revision, asked, ...platformNamesOf(revision, known.runs)])];
  const wereLive = await Promise.all(names.map((name) => from.store.gate.wasLive(service, name)));
  return decideGate({ ...known, revision, live: live === null ? null : commitOf(live, known.runs), wasLive: wereLive.includes(true) });
}

/** What runs have found of the service and what was said to it. */
export async function knownAtGate({ store }: Known, { service, environment }: ServiceRef) {
  const { gate, policy } = store;
  const of = { service, environment };
  const [now, judged, modes, acceptances, resolutions, asked, broken, choices, cameIn] = await Promise.all([
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
  const runs = withCommits(judged);
  return { ...of, now, runs, modes, acceptances, ...byCommit({ resolutions, asked, broken, choices, cameIn }, runs) };
}
