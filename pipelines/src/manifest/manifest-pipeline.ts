import { createHash } from 'node:crypto';
import { readFile as readFromDisk } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  type Connections,
  type Deployment,
  type DeploymentPipeline,
  HaldaneError,
  type LaunchRecipe,
  messageOf,
  type ServiceRef,
} from '@haldane/core';
import type { EnvironmentMap } from '@haldane/documents';
import { type GitRevision, gitRevision } from './git-revision.ts';
import { readManifest } from './read-manifest.ts';

export type ManifestPipelineOptions = {
  /** Where the manifest of a service stands; null when nobody said. */
  readonly locate: (service: ServiceRef) => string | null | Promise<string | null>;
  readonly env: EnvironmentMap;
  readonly readFile?: (path: string, signal: AbortSignal) => Promise<string>;
  readonly revisionOf?: (folder: string, signal: AbortSignal) => Promise<GitRevision | null>;
};

/** A service as its checked-in manifest describes it. `recipe` holds secrets. `revisionFrom` says where the revision was read. */
export type ManifestReading = {
  readonly deployment: Deployment;
  /** Null: it runs on a platform already, and Haldane never starts it. */
  readonly recipe: LaunchRecipe | null;
  /** Holds what turns intake off, which may be secret. */
  readonly connections: Connections;
  readonly revisionFrom: 'file' | 'git' | 'content';
};

/**
 * Reads the manifest at a path and the revision beside it: what the file says is deployed, else the commit (with `+dirty.`
 * and a hash of the difference), else, where there is no git, `content.` and a hash of the file, which says so.
 * Throws `not-found` when there is no such file, `bad-document` when it is not good.
 */
export async function loadManifest(
  path: string,
  options: Omit<ManifestPipelineOptions, 'locate'>,
  signal: AbortSignal,
): Promise<ManifestReading> {
  const read = options.readFile ?? ((file: string, abort: AbortSignal) => readFromDisk(file, { encoding: 'utf8', signal: abort }));
  let text: string;
  try {
    text = await read(path, signal);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new HaldaneError(
      'not-found',
      `the manifest ${path} cannot be read (${messageOf(cause).split(',')[0]}); check the path under "service" in the experiment`,
      { cause },
    );
  }
  const manifest = readManifest({ text, source: path, env: options.env });
  const git = manifest.revision === null ? await (options.revisionOf ?? gitRevision)(dirname(path), signal) : null;
  const content = `content.${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
  const revision = manifest.revision ?? (git === null ? content : `${git.commit}${git.dirty === null ? '' : `+dirty.${git.dirty}`}`);
  return {
    // A checked-in file cannot say that a deploy is under way: whoever deploys by it changes the file first.
    deployment: { ...manifest.deployment, revision, pipeline: 'manifest', deployInProgress: false },
    recipe: manifest.recipe(revision),
    connections: manifest.connections,
    revisionFrom: manifest.revision !== null ? 'file' : git === null ? 'content' : 'git',
  };
}

/** The pipeline of services that are described by a file in their repository: works beside any CI system. */
export function manifestPipeline(options: ManifestPipelineOptions): DeploymentPipeline {
  return {
    id: 'manifest',
    interrogate: async (service, signal) => {
      const path = await options.locate(service);
      if (path === null)
        throw new HaldaneError(
          'not-found',
          `no manifest is known for ${service.service} in ${service.environment}; name it under "service" in the experiment`,
        );
      const { deployment } = await loadManifest(path, options, signal);
      if (deployment.service !== service.service || deployment.environment !== service.environment)
        throw new HaldaneError(
          'not-found',
          `the manifest ${path} describes ${deployment.service} in ${deployment.environment}, not ${service.service} in ${service.environment}`,
        );
      return deployment;
    },
  };
}
