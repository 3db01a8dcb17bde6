import { basename } from 'node:path';
import type { HaldaneClient, StageView } from '@haldane/client';
import { type ErrorCode, hasCode, messageOf, type ServiceRef } from '@haldane/core';
import { goesOn } from './stage-mode.ts';

/** Experiments on one service that are run one after the other. A run is known by its ref, which is computed: whoever looks finds the same one. */
export type Row = ServiceRef & {
  readonly experiments: readonly { readonly file: string; readonly ref: string }[];
  /** Seconds that a run goes on while nobody looks; null: nobody need look. */
  readonly unattended: number | null;
};

/** Something that could not begin: since when (epoch ms), why, and whether it is waited for no longer. */
export type Barred = { readonly since: number; readonly why: string; readonly over: boolean };

/** An experiment of the row, as it ended. `view` is null when it could not begin; `why` says why not; `ran`: the revision that was live there. */
export type Ended = { readonly name: string; readonly view: StageView | null; readonly ran: string | null; readonly why: string };

/** What a look saw. `waits`: for what, for how long, and the ref of the run if one is under way; null when the row is over. */
export type RowSeen = {
  /** By file, to be kept until the next look. */
  readonly barred: { readonly [file: string]: Barred };
  readonly ended: readonly Ended[];
  readonly waits: { readonly words: string; readonly againMs: number; readonly ref: string | null } | null;
};

/** An experiment that cannot begin (another runs on the service, a deploy there is in progress, somebody must approve) has so long to. */
const patienceMs = 1_800_000;
const whileRunningMs = 5_000;
/** To begin asks the pipeline and the platform, and a refusal is an entry in the audit log. */
export const whileBarredMs = 60_000;
/** What is wrong with the words of whoever asked, and no wait mends. */
const forGood = ['bad-document', 'bad-request', 'not-found', 'unknown-id', 'forbidden'] as const;
/** What the service's state forbids, and a wait may mend. Any other error says nothing of the experiment: it may even have begun. */
const forNow = ['refused', 'halted', 'service-taken'] as const;

type Client = Pick<HaldaneClient, 'beginStage' | 'stage' | 'runByRef'>;

/**
 * One look at a row: begins the next experiment when the one before is over. One that ended without having learned anything ends the row: the service
 * is not fit for another. Safe to repeat at any point. Throws what says nothing of the row, for the look to be repeated.
 */
export async function lookAtRow(
  { service, environment, experiments, unattended }: Row,
  before: RowSeen['barred'],
  client: Client,
  now: number,
): Promise<RowSeen> {
  let barred = before;
  const ended: Ended[] = [];
  for (const { file, ref } of experiments) {
    const name = basename(file).replace(/\.ya?ml$/, '');
    const last = ended.at(-1);
    if (last?.view && !goesOn('report').includes(last.view.status)) {
      ended.push({ name, view: null, ran: null, why: `${last.name} before it ended ${last.view.status}` });
      continue;
    }
    const what = `${ended.length + 1} of ${experiments.length}, ${name}, on ${service} in ${environment}`;
    const known = barred[file];
    const begun = known?.over ? known : await begunOrBarred(client, ref, { file, unattended }, known?.since ?? now, now);
    if ('since' in begun) {
      barred = { ...barred, [file]: begun };
      if (!begun.over) {
        const words = `experiment ${what} cannot begin yet: ${begun.why}`;
        return { barred, ended, waits: { words, againMs: whileBarredMs, ref: null } };
      }
      ended.push({ name, view: null, ran: null, why: begun.why });
      continue;
    }
    if (begun.status === 'RUNNING')
      return { barred, ended, waits: { words: `experiment ${what} is under way (run ${begun.run})`, againMs: whileRunningMs, ref } };
    const { facts } = await client.runByRef(ref);
    ended.push({ name, view: begun, ran: facts.deployment?.commit ?? facts.deployment?.revision ?? null, why: '' });
  }
  return { barred, ended, waits: null };
}

/** Why something cannot begin, and whether that is the end of it. Throws the error again when it says nothing of that. */
export function barredBy(error: unknown, since: number, now: number): Barred {
  const isOneOf = (codes: readonly ErrorCode[]) => codes.some((code) => hasCode(error, code));
  if (!isOneOf(forGood) && !isOneOf(forNow)) throw error;
  return { since, why: messageOf(error), over: isOneOf(forGood) || now - since >= patienceMs };
}

/** The experiment's run, which begins now if it has not yet; or why it may not. */
async function begunOrBarred(
  client: Client,
  ref: string,
  { file, unattended }: { readonly file: string; readonly unattended: number | null },
  since: number,
  now: number,
): Promise<StageView | Barred> {
  try {
    return await client.stage(ref);
  } catch (error) {
    if (!hasCode(error, 'not-found')) throw error;
  }
  try {
    return await client.beginStage(ref, { file, ...(unattended === null ? {} : { unattended }) });
  } catch (error) {
    return barredBy(error, since, now);
  }
}
