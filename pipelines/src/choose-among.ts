import type { DefinitionView, HaldaneClient, StageView } from '@haldane/client';
import { type Choice, HaldaneError, hasCode, messageOf, type Weighed } from '@haldane/core';
import { chooseFor, chooseUnread } from './choose-for.ts';

export type Among = {
  /** On the disk of Haldane's runners. */
  readonly files: readonly string[];
  /** Where the service's repository is checked out; null: nobody said. */
  readonly folder: string | null;
  /** What of the repository the service is made of; all of it when there is none. */
  readonly paths: readonly string[];
  /** What is live where the experiments run. */
  readonly revision: string;
  /** What the runs may take together. */
  readonly maxMinutes: number | null;
};

type Picked = { readonly experiment: string; readonly file: string };

/** What a deploy needs of the experiments in some files. It can be kept as JSON. */
export type Chosen = {
  readonly revision: string;
  /** The same, as whoever asked named it. */
  readonly named: string;
  readonly run: readonly Picked[];
  readonly later: readonly Picked[];
  /** Whose evidence stands, as the stages that they were. */
  readonly stands: readonly (Pick<StageView, 'run' | 'status' | 'verdict'> & { readonly experiment: string })[];
  readonly summary: string;
  /** Why, an experiment a line. */
  readonly lines: readonly string[];
  /** Why no difference could be read; null: it was. */
  readonly unread: string | null;
};

/**
 * Asks Haldane what its files are, reads from the checkout what changed since each one's newest answer, and chooses. Where there is no checkout, or it
 * cannot say, that is said, and everything is chosen that has no answer at the revision. Throws `bad-request` when the files are of more than one service.
 */
export async function chooseAmong(
  client: Pick<HaldaneClient, 'define' | 'verified' | 'choose'>,
  { files, folder, paths, revision, maxMinutes }: Among,
  signal: AbortSignal,
): Promise<Chosen> {
  const defined: Defined[] = [];
  for (const file of files) defined.push({ file, ...(await client.define(file)) });
  const { service, environment } = ofOneService(defined);
  const wishes = { service, environment, revision, maxMinutes, experiments: defined };
  const chosen = (choice: Choice, why: string | null) => chosenOf(choice, defined, revision, why);
  const unread = async (why: string) => chosen(await chooseUnread(client, wishes), why);
  if (folder === null) return unread('no checkout of its repository is known');
  try {
    return chosen(await chooseFor(client, { ...wishes, folder, paths }, signal), null);
  } catch (error) {
    if (!hasCode(error, 'bad-request') && !hasCode(error, 'not-found')) throw error;
    return unread(`the checkout does not say what changed (${messageOf(error)})`);
  }
}

type Defined = DefinitionView & { readonly file: string };

/** The service that all of them are of. Throws `bad-request` when there are several, or two experiments of one name. */
export function ofOneService<D extends Defined>(defined: readonly D[]): D {
  const [first, ...others] = defined;
  if (first === undefined) throw new HaldaneError('bad-request', 'experiments: there is none to choose among');
  const stranger = others.find((one) => one.service !== first.service || one.environment !== first.environment);
  if (stranger !== undefined)
    throw new HaldaneError(
      'bad-request',
      `experiments: ${first.file} is of ${first.service} in ${first.environment}, and ${stranger.file} of ${stranger.service} in ${stranger.environment}; choose among those of one`,
    );
  const twin = defined.find((one, at) => defined.findIndex(({ experiment }) => experiment === one.experiment) !== at);
  if (twin !== undefined)
    throw new HaldaneError('bad-request', `experiments: ${twin.file} is called ${twin.experiment} like another one; leave one of them out`);
  return first;
}

function chosenOf(choice: Choice, defined: readonly Defined[], named: string, unread: string | null): Chosen {
  const { service, environment, revision, run, later, stands } = choice;
  const picked = ({ experiment }: Weighed): Picked => ({
    experiment,
    file: defined.find((one) => one.experiment === experiment)?.file ?? '',
  });
  return {
    revision,
    named,
    run: run.map(picked),
    later: later.map(picked),
    stands: stands.flatMap(({ experiment, verified }) =>
      verified === null
        ? []
        : [
            {
              experiment,
              run: verified.runId,
              status: verified.verdict === 'resilient' ? 'PASSED' : 'VULNERABLE',
              verdict: verified.verdict,
            },
          ],
    ),
    summary: `${service} in ${environment} at ${revision}: ${run.length} to run, ${later.length} put off until after the deploy, ${stands.length} stand on their evidence`,
    lines: [...linesOf('run', run), ...linesOf('put off', later), ...linesOf('stands', stands)],
    unread,
  };
}

function linesOf(what: string, of: readonly Weighed[]): readonly string[] {
  return of.map(({ experiment, why }) => `${what}: ${experiment}: ${why}`);
}
