import { type ChosenProgress, type ChosenStage, type HaldaneClient, refInStage, type StageView } from '@haldane/client';
import { cutTo, hasCode } from '@haldane/core';
import { type Chosen, chooseAmong } from './choose-among.ts';
import { type Barred, barredBy, type Ended, lookAtRow, type RowSeen, whileBarredMs } from './look-at-row.ts';
import { worstOf } from './worst-of.ts';

/** What is known of a stage between two looks. */
export type StageProgress = ChosenProgress & {
  readonly chosen?: Chosen;
  /** What kept it from choosing. */
  readonly unchosen?: Barred;
  readonly barred?: RowSeen['barred'];
  /** Its runs were told to stop. */
  readonly stopping?: boolean;
};

export type AroundStage = {
  readonly client: Pick<HaldaneClient, 'beginStage' | 'stage' | 'abortStage' | 'runByRef' | 'define' | 'verified' | 'choose'>;
  /** What is live of the experiment's service. Throws `refused` while a deploy of it is in progress. */
  readonly live: (file: string, signal: AbortSignal) => Promise<string>;
  readonly now: () => number;
};

type Looked = { readonly progress: StageProgress; readonly againMs: number } | { readonly answered: string };

const whileStoppingMs = 1_000;

/**
 * One look at a stage that chooses: chooses once, then begins one experiment after the other, and says how it went. Safe to repeat at any point, also
 * beside another look: runs are known by their refs, and one that is told to stop before it begins ends at once.
 */
export async function lookAtStage(
  { asked, progress, abortAsked }: { readonly asked: ChosenStage; readonly progress: StageProgress; readonly abortAsked: string | null },
  around: AroundStage,
  signal: AbortSignal,
): Promise<Looked> {
  if (progress.over !== undefined) return { answered: `${progress.over.status}: ${progress.says}` };
  if (abortAsked !== null) return stop(asked, progress, abortAsked, around);
  const { chosen } = progress;
  if (chosen === undefined) return chooseNow(asked, progress, around, signal);
  const seen = await lookAtRow(rowOf(asked, chosen), progress.barred ?? {}, around.client, around.now());
  const known = { ...progress, barred: seen.barred };
  if (seen.waits === null) return ended(known, chosen, seen.ended);
  return { progress: { ...known, says: seen.waits.words, ref: seen.waits.ref }, againMs: seen.waits.againMs };
}

async function chooseNow(
  asked: ChosenStage,
  progress: StageProgress,
  { client, live, now }: AroundStage,
  signal: AbortSignal,
): Promise<Looked> {
  const { files, checkout, paths, maxMinutes } = asked;
  try {
    const revision = await live(files[0] ?? '', signal);
    const chosen = await chooseAmong(client, { files, folder: checkout, paths, revision, maxMinutes }, signal);
    return { progress: { ...progress, chosen, says: chosen.summary }, againMs: 0 };
  } catch (error) {
    const unchosen = barredBy(error, progress.unchosen?.since ?? now(), now());
    const says = `nothing can be chosen${unchosen.over ? '' : ' yet'}: ${unchosen.why}`;
    if (unchosen.over) return over(progress, says, { run: '', status: 'REFUSED', verdict: null });
    return { progress: { ...progress, unchosen, says }, againMs: whileBarredMs };
  }
}

async function stop(asked: ChosenStage, progress: StageProgress, why: string, { client }: AroundStage): Promise<Looked> {
  const refs = progress.chosen === undefined ? [] : rowOf(asked, progress.chosen).experiments.map(({ ref }) => ref);
  // Each once, for it is in the audit log each time; those that have not begun, too: another look may be beginning one.
  if (!progress.stopping) for (const ref of refs) await client.abortStage(ref, why);
  const begun: StageView[] = [];
  for (const ref of refs) {
    const view = await client.stage(ref).catch((error: unknown) => {
      if (hasCode(error, 'not-found')) return null;
      throw error;
    });
    if (view?.status === 'RUNNING')
      return { progress: { ...progress, stopping: true, says: `stopping (${why})`, ref }, againMs: whileStoppingMs };
    if (view !== null) begun.push(view);
  }
  const stuck = begun.find(({ status }) => status === 'NOT_RESTORED');
  const { run, verdict } = stuck ?? begun.at(-1) ?? { run: '', verdict: null };
  return over(progress, `stopped: ${why}`, { run, verdict, status: stuck === undefined ? 'ABORTED' : 'NOT_RESTORED' });
}

/** What the runs found and the evidence that stands had shown, as one word. What was put off holds nothing now. */
function ended(progress: StageProgress, chosen: Chosen, row: readonly Ended[]): Looked {
  const answers = row.map(({ view, ran }): Pick<StageView, 'run' | 'status' | 'verdict'> => {
    if (view === null) return { run: '', status: 'REFUSED', verdict: null };
    // What was found at another revision is no answer for the one that was chosen for.
    return isOf(chosen, ran) || view.status !== 'PASSED' ? view : { ...view, status: 'INCONCLUSIVE' };
  });
  const { run, status, verdict } = worstOf([...answers, ...chosen.stands]) ?? { run: '', status: 'PUT_OFF', verdict: null };
  return over(progress, wordsOf(chosen, row), { run, status, verdict });
}

/** Orca shows one line. */
const mostOfWords = 2_000;

function isOf({ revision, named }: Chosen, ran: string | null): boolean {
  return ran === revision || ran === named;
}

function wordsOf(chosen: Chosen, row: readonly Ended[]): string {
  const { later, stands, unread } = chosen;
  return cutTo(
    [
      ...row.map(({ name, view, ran, why }) =>
        view === null
          ? `${name} did not begin: ${why}`
          : `${name} ${view.status}${isOf(chosen, ran) ? '' : ` at another revision (${ran ?? 'unknown'})`}: ${view.progress}`,
      ),
      ...stands.map(({ experiment, status, run }) => `${experiment} stands on run ${run} (${status})`),
      ...later.map(({ experiment }) => `${experiment} put off until after the deploy`),
      ...(unread === null ? [] : [`chosen without a difference, for ${unread}`]),
    ].join('; '),
    mostOfWords,
  );
}

function over(progress: StageProgress, says: string, end: NonNullable<StageProgress['over']>): Looked {
  const { run, status, verdict } = end;
  return { progress: { ...progress, says, ref: null, over: { run, status, verdict } }, againMs: 0 };
}

function rowOf({ ref, files, service, environment, unattended }: ChosenStage, chosen: Chosen) {
  const experiments = chosen.run.map(({ file }) => ({ file, ref: refInStage(ref, files.indexOf(file)) }));
  return { service, environment, experiments, unattended };
}
