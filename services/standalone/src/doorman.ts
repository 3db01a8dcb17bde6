import { type Clock, HaldaneError } from '@haldane/core';
import type { AroundStage, GitHubApp } from '@haldane/pipelines';
import { Doorman } from '@haldane/scheduler';
import type { Store } from '@haldane/store';
import { gitHubLook, noteGivenUp } from './github-app.ts';
import { RuleRights } from './rule-rights.ts';
import { stageLook, stagesOf } from './stages.ts';

type Parts = {
  readonly store: Pick<Store, 'deploys' | 'tokens' | 'audit' | 'gate' | 'policy'>;
  /** Where the API answers. */
  readonly address: string;
  /** Whose deploys wait here; null: there is no App. */
  readonly gitHub: GitHubApp | null;
  /** Whose stages choose here, and what is live of an experiment's service. */
  readonly stages: { readonly pool: string; readonly live: AroundStage['live'] } | null;
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly clock: Clock;
};

/** Answers what waits here: deploys at GitHub, and stages that choose. Its rights end with it. */
export function doormanOf(parts: Parts): Pick<Doorman, 'start' | 'round' | 'stop'> {
  const { store, gitHub, stages, onTrouble, clock } = parts;
  const rights = new RuleRights(parts);
  const ours = stages === null ? null : stagesOf(stages.pool);
  const looks = {
    deploy: gitHub === null ? null : gitHubLook(gitHub, { store, rights, clock }),
    stage: stages === null ? null : stageLook({ rights, live: stages.live, clock }),
  };
  const doorman = new Doorman({
    deploys: store.deploys,
    rules: [...(gitHub?.rules ?? []), ...(ours === null ? [] : [ours])],
    // Who knows no rule of anybody's cannot tell that one is gone.
    orphans: gitHub !== null,
    look: async (held, signal) => {
      const look = held.rule === ours ? looks.stage : looks.deploy;
      if (look === null) throw new HaldaneError('internal', `a deploy was taken by the rule ${held.rule}, which is not here`);
      return look(held, signal);
    },
    onGivenUp: async (held, why) => noteGivenUp(store, held, why),
    onTrouble,
    clock,
    random: Math.random,
  });
  return {
    start: () => doorman.start(),
    round: () => doorman.round(),
    stop: async () => {
      await doorman.stop();
      await rights.end();
    },
  };
}
