import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { HaldaneClient, StageView } from '@haldane/client';
import { hasCode, type JsonObject, messageOf } from '@haldane/core';
import type { DeployRule } from './app-file.ts';
import { type DeployAnswer, deployAnswer, type Ended, fitting, plain } from './deploy-answer.ts';
import type { DeployAsked } from './deploy-asked.ts';

/** How Haldane is asked, with the rule's rights, and how GitHub is told. */
export type Between = {
  readonly client: Pick<HaldaneClient, 'beginStage' | 'stage' | 'runByRef' | 'gate'>;
  readonly tell: (asked: DeployAsked, answer: DeployAnswer, signal: AbortSignal) => Promise<void>;
  /** Where people reach this Haldane. */
  readonly link: string | null;
  readonly now: () => number;
};

/** What is known of a deploy that waits, between two looks. */
export type DeployProgress = { readonly said?: readonly string[]; readonly answer?: DeployAnswer };

/** What a look came to. `answered` is what GitHub was told; without it the deploy is looked at again after `againMs`. */
export type Look = { readonly progress: DeployProgress; readonly againMs: number } | { readonly answered: DeployAnswer };

/** An experiment that cannot begin (another runs on the service, a deploy there is in progress, somebody must approve) has so long to. */
const patienceMs = 1_800_000;
const againMs = 5_000;
/** GitHub takes ten words of a deploy; the last is for the answer. */
const mostSaid = 9;
/** What is wrong with the rule's own words, and no wait mends. */
const forGood = ['bad-document', 'bad-request', 'not-found', 'unknown-id', 'forbidden'] as const;

/**
 * One look at a deploy that waits: begins what is to be run, one after the other, says how it goes, asks the gate, and tells GitHub. Safe to repeat at any
 * point: a run is known by its ref, and an answer is kept before it is told. `heldAt`: epoch ms. Throws `unavailable` and what `tell` does.
 */
export async function lookAtDeploy(
  deploy: { readonly asked: DeployAsked; readonly progress: DeployProgress; readonly heldAt: number },
  rule: DeployRule,
  between: Between,
  signal: AbortSignal,
): Promise<Look> {
  const { asked, progress } = deploy;
  const { client, tell, link } = between;
  if (progress.answer !== undefined) {
    await tell(asked, progress.answer, signal);
    return { answered: progress.answer };
  }
  const waiting = async (words: string): Promise<Look> => {
    const said = progress.said ?? [];
    if (said.includes(words) || said.length >= mostSaid) return { progress, againMs };
    await tell(asked, { state: null, comment: fitting(['**Haldane**', plain(words)]) }, signal);
    return { progress: { ...progress, said: [...said, words] }, againMs };
  };
  const patient = between.now() - deploy.heldAt < patienceMs;
  const ended: Ended[] = [];
  for (const file of rule.experiments) {
    const name = basename(file).replace(/\.ya?ml$/, '');
    const what = `${ended.length + 1} of ${rule.experiments.length}, ${name}, on ${rule.service} in ${rule.testedIn}`;
    try {
      const view = await viewOf(client, refOf(asked, file), file);
      if (view.status === 'RUNNING') return await waiting(`experiment ${what} is under way (run ${view.run})`);
      const { facts } = await client.runByRef(refOf(asked, file));
      ended.push({ name, view, ran: facts.deployment?.commit ?? facts.deployment?.revision ?? null, why: '' });
    } catch (error) {
      if (hasCode(error, 'unavailable') || hasCode(error, 'unauthorised')) throw error;
      const why = messageOf(error);
      if (patient && !forGood.some((code) => hasCode(error, code))) return await waiting(`experiment ${what} cannot begin yet: ${why}`);
      ended.push({ name, view: null, ran: null, why });
    }
  }
  const { service, testedIn: environment } = rule;
  const gate = await client.gate({ service, environment }, { revision: asked.revision });
  return { progress: { ...progress, answer: deployAnswer(rule, ended, gate, link) }, againMs: 0 };
}

/** Computed from the deploy and the file: whoever looks finds the same run. */
function refOf({ repository, deployment }: DeployAsked, file: string): string {
  const digest = createHash('sha256').update(file).digest('hex').slice(0, 8);
  return ['github-deploy', ...repository.toLowerCase().split('/'), deployment, digest].join(':');
}

async function viewOf(client: Between['client'], ref: string, file: string): Promise<StageView> {
  try {
    return await client.stage(ref);
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error;
    return client.beginStage(ref, { file });
  }
}

/** A deploy's progress as it was kept. */
export function progressOf(kept: JsonObject): DeployProgress {
  return kept as DeployProgress;
}
