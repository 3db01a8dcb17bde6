import type { DefinitionView } from '@haldane/client';
import { type Choice, type Clock, HaldaneError, hasCode, messageOf } from '@haldane/core';
import { chooseFor, chooseUnread } from '../choose-for.ts';
import { askPatiently } from './ask-patiently.ts';
import type { Door } from './door.ts';
import type { Among } from './inputs.ts';
import type { Step } from './step.ts';

const readWithinMs = 120_000;

/** A choice, and the file of each experiment in it. */
export type Chosen = { readonly choice: Choice; readonly fileOf: (experiment: string) => string };

/**
 * Asks Haldane what its files are, reads from the job's checkout what changed since each one's newest answer, and chooses. Where the checkout cannot
 * say, that is said, and everything is chosen that has no answer at the revision. Throws `bad-request` when the files are of more than one service.
 */
export async function chooseAmong(
  step: Step,
  door: Door,
  { files, paths, maxMinutes, ...among }: Among,
  checkout: { readonly folder: string; readonly commit: string },
  clock: Clock,
): Promise<Chosen> {
  const defined: (DefinitionView & { readonly file: string })[] = [];
  for (const file of files) defined.push({ file, ...(await askPatiently(() => door.ask((client) => client.define(file)), step, clock)) });
  const { service, environment } = ofOneService(defined);
  const revision = among.revision ?? checkout.commit;
  const wishes = { service, environment, revision, maxMinutes, experiments: defined };
  const choose = async (): Promise<Choice> => {
    try {
      const { folder } = checkout;
      return await door.ask((client) => chooseFor(client, { ...wishes, folder, paths }, AbortSignal.timeout(readWithinMs)));
    } catch (error) {
      if (!hasCode(error, 'bad-request') && !hasCode(error, 'not-found')) throw error;
      const why = `the checkout does not say what changed (${messageOf(error)}), so nobody can tell what this deploy needs, and every experiment is chosen`;
      const choice = await door.ask((client) => chooseUnread(client, wishes));
      step.annotate('warning', 'Haldane: CHOSEN WITHOUT A DIFFERENCE', why);
      return choice;
    }
  };
  const choice = await askPatiently(choose, step, clock);
  return { choice, fileOf: (experiment) => defined.find((one) => one.experiment === experiment)?.file ?? '' };
}

function ofOneService(defined: readonly (DefinitionView & { readonly file: string })[]): DefinitionView {
  const [first, ...others] = defined;
  if (first === undefined) throw new HaldaneError('internal', 'there is nothing to choose among');
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
