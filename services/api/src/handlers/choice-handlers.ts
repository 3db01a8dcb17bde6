import { HaldaneError, type ServiceRef } from '@haldane/core';
import { candidatesOf, choose, commitOf, type Defined, touchedByOf, withCommits } from '@haldane/judge';
import type { Handler } from '../ask.ts';
import type { Desk } from '../desk.ts';
import { knownAtGate } from '../gate-answer.ts';
import type { choiceOperations } from '../operations/choice-operations.ts';

export const choiceHandlers = {
  defineExperiment: async ({ desk, body, permit }) => desk.define(body.file, permit),

  listVerified: async ({ desk, params }) => {
    const [defined, runs] = await Promise.all([onTheShelf(desk, params), desk.store.gate.judged(params)]);
    return candidatesOf(defined, '', withCommits(runs), []).map(({ experiment, scenario, verified }) => ({
      experiment,
      scenario,
      verified,
    }));
  },

  chooseExperiments: async ({ desk, caller, params, body }) => {
    const { differences, experiments, maxMinutes } = body;
    const [defined, { now, runs, modes, choices }] = await Promise.all([
      experiments === undefined ? onTheShelf(desk, params) : experiments.map((one) => definedBy(desk, one)),
      knownAtGate(desk, params),
    ]);
    const revision = commitOf(body.revision, runs);
    const choice = choose({
      ...params,
      revision,
      now,
      candidates: candidatesOf(defined, revision, runs, choices),
      differences,
      // Newest first, and a map keeps the last.
      modes: new Map([...modes].reverse().map(({ experiment, mode }) => [experiment, mode])),
      maxSeconds: maxMinutes === undefined ? null : maxMinutes * 60,
    });
    const names = (of: typeof choice.run) => of.map(({ experiment }) => experiment);
    // An answer of this very revision needs nothing to stand on.
    const stands = choice.stands.flatMap(({ experiment, verified }) =>
      verified === null || verified.revision === revision ? [] : [{ experiment, on: verified.revision }],
    );
    await desk.store.gate.note(
      params,
      { kind: 'choice', revision, run: names(choice.run), later: names(choice.later), stands },
      caller.token.subject,
    );
    return choice;
  },
} satisfies { readonly [Id in keyof typeof choiceOperations]: Handler<Id> };

/** Every experiment that was run on the service with its fault. */
async function onTheShelf(desk: Desk, service: ServiceRef): Promise<readonly Defined[]> {
  const [kept, runs] = await Promise.all([desk.store.experiments.newest([service]), desk.store.gate.judged(service)]);
  const hadFault = (name: string) => runs.some(({ experiment }) => experiment === name);
  return kept
    .filter(({ name, spec }) => spec.fault || hadFault(name))
    .map(({ name, spec }) => ({
      experiment: name,
      scenario: spec.scenario.id,
      // One that this Haldane does not know any more is of no version.
      version: known(desk, spec.scenario.id)?.version ?? 0,
      touchedBy: touchedByOf(known(desk, spec.scenario.id)?.touchedBy ?? null, spec.noticed !== null),
      seconds: spec.baselineSeconds + spec.watchSeconds,
    }));
}

function definedBy(
  desk: Desk,
  one: { readonly experiment: string; readonly scenario: string; readonly seconds: number; readonly listens: boolean },
): Defined {
  const { experiment, seconds, listens } = one;
  const scenario = known(desk, one.scenario);
  if (scenario === undefined) {
    const ids = desk.scenarios().map(({ id }) => id);
    throw new HaldaneError('unknown-id', `experiments: there is no scenario "${one.scenario}"; known: ${ids.join(', ')}`);
  }
  return { experiment, scenario: scenario.id, version: scenario.version, touchedBy: touchedByOf(scenario.touchedBy, listens), seconds };
}

function known(desk: Desk, id: string) {
  return desk.scenarios().find((one) => one.id === id);
}
