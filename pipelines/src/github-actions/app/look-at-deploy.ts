import { createHash } from 'node:crypto';
import type { GateAnswer, HaldaneClient } from '@haldane/client';
import type { JsonObject, ServiceRef } from '@haldane/core';
import { chooseAmong } from '../../choose-among.ts';
import { barredBy, type Ended, lookAtRow, type RowSeen } from '../../look-at-row.ts';
import type { DeployRule } from './app-file.ts';
import { type DeployAnswer, deployAnswer, fitting, plain } from './deploy-answer.ts';
import type { DeployAsked } from './deploy-asked.ts';

/** How Haldane is asked, with the rule's rights, and how GitHub is told. */
export type Between = {
  readonly client: Pick<HaldaneClient, 'beginStage' | 'stage' | 'runByRef' | 'gate' | 'define' | 'verified' | 'choose'>;
  /** What the gate would say now. It is not written down that anybody asked. */
  readonly peek: (service: ServiceRef, revision: string, live: string | null) => Promise<Pick<GateAnswer, 'open'>>;
  /** The commit that is live where the deploy goes, as GitHub has it; null when it has none. */
  readonly live: (asked: DeployAsked, signal: AbortSignal) => Promise<string | null>;
  readonly tell: (asked: DeployAsked, answer: DeployAnswer, signal: AbortSignal) => Promise<void>;
  /** Where people reach this Haldane. */
  readonly link: string | null;
  readonly now: () => number;
};

/** What is known of a deploy that waits, between two looks. */
export type DeployProgress = {
  readonly said?: readonly string[];
  /** What was live when the deploy was first looked at. */
  readonly live?: string | null;
  /** What the rule chose of its experiments, in words, too; `later`: those that are put off; `beside`: what is said of those that are not run. */
  readonly chosen?: {
    readonly run: readonly string[];
    readonly later: readonly string[];
    readonly beside: readonly string[];
    readonly says: string;
  };
  /** By file. */
  readonly refused?: RowSeen['barred'];
  readonly answer?: DeployAnswer;
};

/** What a look came to. `answered` is what GitHub was told; without it the deploy is looked at again after `againMs`. */
export type Look = { readonly progress: DeployProgress; readonly againMs: number } | { readonly answered: DeployAnswer };

/** GitHub takes ten words of a deploy; the last is for the answer. */
const mostSaid = 9;

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
    progress: { ...known, answer: deployAnswer(rule, ended, said, between.link, known.chosen) },
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
  const { choose } = rule;
  if (choose !== undefined && known.chosen === undefined) {
    // Kept before it is told: the gate goes by it, and it is made once.
    return { progress: { ...known, chosen: await chosenFor(rule, choose, revision, client, signal) }, againMs: 0 };
  }
  if (known.chosen !== undefined && known.said === undefined) return waiting(known.chosen.says, 0);
  const experiments = (known.chosen?.run ?? rule.experiments).map((file) => ({ file, ref: refOf(asked, file) }));
  const seen = await lookAtRow({ ...service, experiments, unattended: null }, known.refused ?? {}, client, now());
  known = { ...known, refused: seen.barred };
  if (seen.waits !== null) return waiting(seen.waits.words, seen.waits.againMs);
  return decided(seen.ended, await gate());
}

/** What the deploy needs; all of it when that cannot be found out, for each experiment then says by itself what is wrong. */
async function chosenFor(
  { experiments }: DeployRule,
  { checkout, paths, maxMinutes }: NonNullable<DeployRule['choose']>,
  revision: string,
  client: Between['client'],
  signal: AbortSignal,
): Promise<NonNullable<DeployProgress['chosen']>> {
  try {
    const folder = checkout ?? null;
    const { run, later, lines, summary, unread } = await chooseAmong(
      client,
      { files: experiments, folder, paths, revision, maxMinutes: maxMinutes ?? null },
      signal,
    );
    const without = unread === null ? '' : `; chosen without a difference, for ${unread}`;
    return {
      run: run.map(({ file }) => file),
      later: later.map(({ experiment }) => experiment),
      beside: lines.filter((line) => !line.startsWith('run: ')),
      says: `${summary}${without}`,
    };
  } catch (error) {
    const { why } = barredBy(error, 0, 0);
    return { run: experiments, later: [], beside: [], says: `nothing can be chosen, and everything is run: ${why}` };
  }
}

/** Computed from the deploy and the file: whoever looks finds the same run. */
function refOf({ repository, deployment }: DeployAsked, file: string): string {
  const digest = createHash('sha256').update(file).digest('hex').slice(0, 8);
  return ['github-deploy', ...repository.toLowerCase().split('/'), deployment, digest].join(':');
}

/** A deploy's progress as it was kept. */
export function progressOf(kept: JsonObject): DeployProgress {
  return kept as DeployProgress;
}
