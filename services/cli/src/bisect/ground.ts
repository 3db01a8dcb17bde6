import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { type ExperimentSpec, HaldaneError, type ServiceRef } from '@haldane/core';
import { loadManifest, Repository, touchOfPath } from '@haldane/pipelines';

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

/**
 * Reads it, and refuses what must not be: production, which is never bisected; a service that runs elsewhere, which Haldane does not deploy;
 * and one whose program does not lie in the repository, for every revision would be the same program.
 */
export async function groundOf({ spec, folder, good, bad, migrations, env }: BisectWishes, signal: AbortSignal): Promise<Ground> {
  const repository = await Repository.open({ folder }, signal);
  const { described, recipe } = await loadManifest(spec.manifest, { env }, signal);
  const { service, environment, platform } = described;
  const refuse = (why: string) => new HaldaneError('refused', `${service} in ${environment} is not bisected: ${why}`);
  if (/^(prod|live)/i.test(environment)) throw refuse('production gets no old revision; bisect it in staging');
  if (recipe === null) throw refuse(`it runs on platform ${platform}; Haldane starts old revisions on this machine only`);
  const top = await realpath(repository.folder);
  const inside = async (path: string) => {
    const way = relative(top, await realpath(path));
    return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
  };
  if (!(await inside(spec.manifest))) throw refuse(`its manifest ${spec.manifest} is not in the repository ${top}`);
  const absolute = recipe.command.filter((part) => part.startsWith(`${top}/`));
  if (!(await inside(recipe.cwd)) || absolute.length > 0)
    throw refuse(
      `deploy.${absolute.length > 0 ? `command names ${absolute[0]}` : `cwd is ${recipe.cwd}`}, which is the same for every revision; write it relative to the manifest, in the repository`,
    );
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
