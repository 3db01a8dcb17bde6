import { realpath } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { type ExperimentSpec, HaldaneError, type ServiceRef } from '@haldane/core';
import { Repository, touchOfPath } from '@haldane/pipelines';
import { bisectable } from './bisectable.ts';

export type BisectWishes = {
  readonly spec: ExperimentSpec;
  readonly folder: string;
  readonly good: string;
  readonly bad: string;
  /** Paths from the repository's root across whose changes nothing is run, beside those that are migrations by their name. */
  readonly migrations: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** What a bisect stands on: the line of commits, good first and bad last, the first of them that can be run, and where the manifest is in each. */
export type Ground = ServiceRef & {
  readonly repository: Repository;
  readonly line: readonly string[];
  readonly from: number;
  readonly manifest: string;
};

/** Reads it, and refuses what must not be, as `bisectable` says. */
export async function groundOf({ spec, folder, good, bad, migrations, env }: BisectWishes, signal: AbortSignal): Promise<Ground> {
  const repository = await Repository.open({ folder }, signal);
  const top = await realpath(repository.folder);
  const { service, environment } = await bisectable(spec.manifest, { top, repository: top, env }, signal);
  const [first, last] = [await repository.commit(good, signal), await repository.commit(bad, signal)];
  const line = [first, ...(await repository.between(first, last, signal))];
  if (line.length < 2) throw new HaldaneError('bad-request', `--good and --bad: ${good} and ${bad} are the same commit`);
  const from = await lastMigration(repository, line, migrations, signal);
  return { service, environment, repository, line, from, manifest: relative(top, await realpath(resolve(spec.manifest))) };
}

/** The place of the newest commit of the line that migrates data, which can be run itself; 0 when none does. What git cannot say may be one. */
async function lastMigration(
  repository: Repository,
  line: readonly string[],
  declared: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const folders = declared.map((path) => path.replace(/^\.\//, '').replace(/\/+$/, ''));
  const migrates = (path: string) =>
    touchOfPath(path) === 'data' || folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
  for (let at = line.length - 1; at > 0; at -= 1) {
    const changed = await repository.changed(line[at - 1] ?? '', line[at] ?? '', signal);
    if (changed === null || changed.some(({ path }) => migrates(path))) return at;
  }
  return 0;
}
