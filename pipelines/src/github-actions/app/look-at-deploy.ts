import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { GateAnswer, HaldaneClient, StageView } from '@haldane/client';
import { type ErrorCode, hasCode, type JsonObject, messageOf, type ServiceRef } from '@haldane/core';
import type { DeployRule } from './app-file.ts';
import { type DeployAnswer, deployAnswer, type Ended, fitting, plain } from './deploy-answer.ts';
import type { DeployAsked } from './deploy-asked.ts';

/** How Haldane is asked, with the rule's rights, and how GitHub is told. */
export type Between = {
  readonly client: Pick<HaldaneClient, 'beginStage' | 'stage' | 'runByRef' | 'gate'>;
  /** What the gate would say now. It is not written down that anybody asked. */
  readonly peek: (service: ServiceRef, revision: string, live: string | null) => Promise<Pick<GateAnswer, 'open'>>;
  /** The commit that is live where the deploy goes, as GitHub has it; null when it has none. */
  readonly live: (asked: DeployAsked, signal: AbortSignal) => Promise<string | null>;
  readonly tell: (asked: DeployAsked, answer: DeployAnswer, signal: AbortSignal) => Promise<void>;
  /** Where people reach this Haldane. */
  readonly link: string | null;
  readonly now: () => number;
};

/** An experiment that could not begin: since when (epoch ms), why, and whether it is waited for no longer. */
type Refused = { readonly since: number; readonly why: string; readonly over: boolean };

/** What is known of a deploy that waits, between two looks. */
export type DeployProgress = {
  readonly said?: readonly string[];
  /** What was live when the deploy was first looked at. */
  readonly live?: string | null;
  /** By file. */
  readonly refused?: { readonly [file: string]: Refused };
  readonly answer?: DeployAnswer;
};

/** What a look came to. `answered` is what GitHub was told; without it the deploy is looked at again after `againMs`. */
export type Look = { readonly progress: DeployProgress; readonly againMs: number } | { readonly answered: DeployAnswer };

/** An experiment that cannot begin (another runs on the service, a deploy there is in progress, somebody must approve) has so long to. */
const patienceMs = 1_800_000;
const whileRunningMs = 5_000;
/** To begin asks the pipeline and the platform, and a refusal is an entry in the audit log. */
const whileRefusedMs = 60_000;
/** GitHub takes ten words of a deploy; the last is for the answer. */
const mostSaid = 9;
/** What is wrong with the rule's own words, and no wait mends. */
const forGood = ['bad-document', 'bad-request', 'not-found', 'unknown-id', 'forbidden'] as const;
/** What the service's state forbids, and a wait may mend. Any other error says nothing of the experiment: it may even have begun. */
const forNow = ['refused', 'halted', 'service-taken'] as const;

/**
 * One look at a deploy that waits: begins what is to be run, one after the other, says how it goes, asks the gate, and tells GitHub. What the gate lets
 * through whatever was found waits for no experiment. Safe to repeat at any point: a run is known by its ref, and an answer is kept before it is told.
 * Throws what tells nothing of the deploy, for the look to be repeated: what `live`, `peek` and `tell` throw, and errors of the API but refusals.
 */
export async function lookAtDeploy(
  { asked, progress }: { readonly asked: DeployAsked; readonly progress: DeployProgress },
  rule: DeployRule,
  between: Between,
  signal: AbortSignal,
): Promise<Look> {
  const { client, tell, now } = between;
  if (progress.answer !== undefined) {
    await tell(asked, progress.answer, signal);
    return { answered: progress.answer };
  }
  const { revision } = asked;
  const service = { service: rule.service, environment: rule.testedIn };
  const live = progress.live === undefined ? await between.live(asked, signal) : progress.live;
  let known: DeployProgress = { ...progress, live };
  const gate = () => client.gate(service, { revision, ...(live === null ? {} : { live }) });
  const decided = (ended: readonly Ended[], said: GateAnswer): Look => ({
    progress: { ...known, answer: deployAnswer(rule, ended, said, between.link) },
    againMs: 0,
  });
  const waiting = async (words: string, againMs: number): Promise<Look> => {
    const said = known.said ?? [];
    if (said.includes(words) || said.length >= mostSaid) return { progress: known, againMs };
    await tell(asked, { state: null, comment: fitting(['**Haldane**', plain(words)]) }, signal);
    return { progress: { ...known, said: [...said, words] }, againMs };
  };
  if ((await between.peek(service, revision, live)).open !== null) {
    const said = await gate();
    if (said.open !== null) return decided([], said);
  }
  const ended: Ended[] = [];
  for (const file of rule.experiments) {
    const name = basename(file).replace(/\.ya?ml$/, '');
    const what = `${ended.length + 1} of ${rule.experiments.length}, ${name}, on ${rule.service} in ${rule.testedIn}`;
    const before = known.refused?.[file];
    const begun = before?.over ? before : await begunOrRefused(client, refOf(asked, file), file, before?.since ?? now(), now());
    if ('since' in begun) {
      known = { ...known, refused: { ...known.refused, [file]: begun } };
      if (!begun.over) return waiting(`experiment ${what} cannot begin yet: ${begun.why}`, whileRefusedMs);
      ended.push({ name, view: null, ran: null, why: begun.why });
      continue;
    }
    if (begun.status === 'RUNNING') return waiting(`experiment ${what} is under way (run ${begun.run})`, whileRunningMs);
    const { facts } = await client.runByRef(refOf(asked, file));
    ended.push({ name, view: begun, ran: facts.deployment?.commit ?? facts.deployment?.revision ?? null, why: '' });
  }
  return decided(ended, await gate());
}

/** Computed from the deploy and the file: whoever looks finds the same run. */
function refOf({ repository, deployment }: DeployAsked, file: string): string {
  const digest = createHash('sha256').update(file).digest('hex').slice(0, 8);
  return ['github-deploy', ...repository.toLowerCase().split('/'), deployment, digest].join(':');
}

/** The experiment's run, which begins now if it has not yet; or why it may not, since when, and whether that is the end of it. */
async function begunOrRefused(
  client: Between['client'],
  ref: string,
  file: string,
  since: number,
  now: number,
): Promise<StageView | Refused> {
  try {
    return await client.stage(ref);
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error;
  }
  try {
    return await client.beginStage(ref, { file });
  } catch (error) {
    const isOneOf = (codes: readonly ErrorCode[]) => codes.some((code) => hasCode(error, code));
    if (!isOneOf(forGood) && !isOneOf(forNow)) throw error;
    return { since, why: messageOf(error), over: isOneOf(forGood) || now - since >= patienceMs };
  }
}

/** A deploy's progress as it was kept. */
export function progressOf(kept: JsonObject): DeployProgress {
  return kept as DeployProgress;
}
