import type { ChosenStage } from '@haldane/client';
import type { Clock, HeldDeploy, JsonObject } from '@haldane/core';
import { type AroundStage, lookAtStage, type StageProgress } from '@haldane/pipelines';
import type { Look } from './look.ts';
import type { RuleRights } from './rule-rights.ts';

/** By which name stages that choose are held for whoever has the files of this data folder. */
export function stagesOf(pool: string): string {
  return `stages of ${pool}`;
}

/** Looks at stages that choose: through the API, with rights for the stage's service alone. */
export function stageLook(parts: { readonly rights: RuleRights; readonly live: AroundStage['live']; readonly clock: Clock }): Look {
  const { rights, live, clock } = parts;
  return async (held: HeldDeploy, signal) => {
    const asked = held.asked as ChosenStage;
    const client = await rights.clientFor(asked, {
      subject: `a stage of ${asked.service} in ${asked.environment}`,
      madeBy: 'a stage that chooses',
    });
    const progress = { says: 'choosing', ref: null, ...held.progress } as StageProgress;
    const seen = await lookAtStage({ asked, progress, abortAsked: held.abortAsked }, { client, live, now: () => clock.now() }, signal);
    return 'answered' in seen ? seen : { progress: { ...seen.progress } as JsonObject, againMs: seen.againMs };
  };
}
