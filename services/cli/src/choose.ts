import type { ChoiceQuestion, HaldaneClient } from '@haldane/client';
import type { Choice, ExperimentSpec, ServiceRef, Weighed } from '@haldane/core';
import { diffSince, Repository } from '@haldane/pipelines';

export type ChoiceWishes = ServiceRef & {
  /** Where the service's repository is checked out, and what of it the service is made of. */
  readonly folder: string;
  readonly paths: readonly string[];
  /** What is to go live: a commit, a tag, HEAD. */
  readonly revision: string;
  readonly maxMinutes: number | null;
  /** Only these; none: all that were run on the service. */
  readonly specs: readonly ExperimentSpec[];
};

/**
 * Reads from the repository what changed since each experiment's newest answer, and asks Haldane which of them the revision needs. Only
 * kinds of change and a few paths of each are sent.
 */
export async function chooseFor(client: HaldaneClient, wishes: ChoiceWishes, signal: AbortSignal): Promise<Choice> {
  const { folder, paths, maxMinutes, specs } = wishes;
  const repository = await Repository.open({ folder, paths }, signal);
  const to = await repository.commit(wishes.revision, signal);
  const verified = await client.verified(wishes);
  const names = new Set(specs.map(({ name }) => name));
  const asked = verified.filter(({ experiment }) => specs.length === 0 || names.has(experiment));
  const bases = new Set(asked.flatMap((one) => (one.verified === null ? [] : [one.verified.revision])));
  const differences: ChoiceQuestion['differences'] = [];
  for (const since of bases) {
    const { touched } = await diffSince(repository, since, to, signal);
    differences.push({ since, touched: touched === null ? null : touched.map((one) => ({ ...one, says: [...one.says] })) });
  }
  return client.choose(wishes, {
    revision: await repository.nameOf(wishes.revision, signal),
    differences,
    ...(maxMinutes === null ? {} : { maxMinutes }),
    ...(specs.length === 0 ? {} : { experiments: specs.map(definitionOf) }),
  });
}

function definitionOf({ name, scenario, baselineSeconds, watchSeconds, noticed }: ExperimentSpec) {
  return { experiment: name, scenario: scenario.id, seconds: Math.ceil(baselineSeconds + watchSeconds), listens: noticed !== null };
}

/** A choice as lines. */
export function choiceText({ service, environment, revision, run, later, stands }: Choice): string {
  const minutes = Math.ceil(run.reduce((sum, one) => sum + one.seconds, 0) / 60);
  const line = (what: string) => (one: Weighed) =>
    `  ${what.padEnd(6)}  ${one.experiment}  (${Math.ceil(one.seconds / 60)} min, score ${one.score})  ${one.why}\n`;
  return [
    `${service} in ${environment} at ${revision}: ${run.length} to run now (${minutes} min), ${later.length} after the deploy and before the next promotion, ${stands.length} not needed\n`,
    ...run.map(line('run')),
    ...later.map(line('later')),
    ...stands.map(({ experiment, why }) => `  ${'stands'.padEnd(6)}  ${experiment}  ${why}\n`),
  ].join('');
}
