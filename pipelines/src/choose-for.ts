import type { ChoiceQuestion, ExperimentDefinition, HaldaneClient } from '@haldane/client';
import type { Choice, ServiceRef } from '@haldane/core';
import { diffSince } from './repository/diff-since.ts';
import { Repository } from './repository/repository.ts';

export type ChoiceWishes = ServiceRef & {
  /** Where the service's repository is checked out, and what of it the service is made of. */
  readonly folder: string;
  readonly paths: readonly string[];
  /** What is to go live: a commit, a tag, HEAD. */
  readonly revision: string;
  readonly maxMinutes: number | null;
  /** Only these; none: all that were run on the service. */
  readonly experiments: readonly ExperimentDefinition[];
};

/**
 * Reads from the repository what changed since each experiment's newest answer, and asks Haldane which of them the revision needs. Only
 * kinds of change and a few paths of each are sent. Throws `bad-request` when there is no repository, and `not-found` when it lacks the revision.
 */
export async function chooseFor(
  client: Pick<HaldaneClient, 'verified' | 'choose'>,
  wishes: ChoiceWishes,
  signal: AbortSignal,
): Promise<Choice> {
  const { folder, paths, experiments } = wishes;
  const repository = await Repository.open({ folder, paths }, signal);
  const to = await repository.commit(wishes.revision, signal);
  const verified = await client.verified(wishes);
  const names = new Set(experiments.map(({ experiment }) => experiment));
  const asked = verified.filter(({ experiment }) => experiments.length === 0 || names.has(experiment));
  const bases = new Set(asked.flatMap((one) => (one.verified === null ? [] : [one.verified.revision])));
  const differences: ChoiceQuestion['differences'] = [];
  for (const since of bases) {
    const { touched } = await diffSince(repository, since, to, signal);
    differences.push({ since, touched: touched === null ? null : touched.map((one) => ({ ...one, says: [...one.says] })) });
  }
  return askFor(client, { ...wishes, revision: await repository.nameOf(wishes.revision, signal) }, differences);
}

/** The same where there is no repository to read: nobody can tell what changed, and so every experiment without an answer at the revision is chosen. */
export function chooseUnread(client: Pick<HaldaneClient, 'choose'>, wishes: Omit<ChoiceWishes, 'folder' | 'paths'>): Promise<Choice> {
  return askFor(client, wishes, []);
}

function askFor(
  client: Pick<HaldaneClient, 'choose'>,
  { service, environment, revision, maxMinutes, experiments }: Omit<ChoiceWishes, 'folder' | 'paths'>,
  differences: ChoiceQuestion['differences'],
): Promise<Choice> {
  const defined = experiments.map(({ experiment, scenario, seconds, listens }) => ({ experiment, scenario, seconds, listens }));
  return client.choose(
    { service, environment },
    {
      revision,
      differences,
      ...(maxMinutes === null ? {} : { maxMinutes }),
      ...(defined.length === 0 ? {} : { experiments: defined }),
    },
  );
}
