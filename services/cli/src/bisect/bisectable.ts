import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { HaldaneError, type ServiceRef } from '@haldane/core';
import { loadManifest } from '@haldane/pipelines';

export type Whereabouts = {
  /** Where the repository is checked out, or one revision of it is laid out: a real path. */
  readonly top: string;
  /** Where the repository is checked out: a real path. */
  readonly repository: string;
  readonly env: Readonly<Record<string, string>>;
};

/**
 * The service of a manifest that may be bisected. Throws `refused` for production, which is never bisected; for a service that runs elsewhere, which
 * Haldane does not deploy; and for one whose manifest or program does not lie below `top`, for every revision would be the same program.
 */
export async function bisectable(manifest: string, { top, repository, env }: Whereabouts, signal: AbortSignal): Promise<ServiceRef> {
  const { described, recipe } = await loadManifest(manifest, { env }, signal);
  const { service, environment, platform } = described;
  const refuse = (why: string) => new HaldaneError('refused', `${service} in ${environment} is not bisected: ${why}`);
  if (/^(prod|live)/i.test(environment)) throw refuse('production gets no old revision; bisect it in staging');
  if (recipe === null) throw refuse(`it runs on platform ${platform}; Haldane starts old revisions on this machine only`);
  const inside = async (path: string) => {
    const way = relative(top, await realpath(path));
    return way !== '..' && !way.startsWith('../') && !isAbsolute(way);
  };
  if (!(await inside(manifest))) throw refuse(`its manifest ${manifest} is not in the repository ${top}`);
  const absolute = recipe.command.filter((part) => part.startsWith(`${repository}/`));
  if (!(await inside(recipe.cwd)) || absolute.length > 0)
    throw refuse(
      `deploy.${absolute.length > 0 ? `command names ${absolute[0]}` : `cwd is ${recipe.cwd}`}, which is the same for every revision; write it relative to the manifest, in the repository`,
    );
  return { service, environment };
}
