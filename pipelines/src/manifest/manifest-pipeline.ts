import { createHash } from 'node:crypto';
import { readFile as readFromDisk } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Connections, type DeploymentPipeline, HaldaneError, type LaunchRecipe, messageOf, type ServiceRef } from '@haldane/core';
import type { EnvironmentMap } from '@haldane/documents';
import { type OpenReader, openReaders } from '../live-sources.ts';
import { type GitRevision, gitRevision } from './git-revision.ts';
import { type Manifest, readManifest } from './read-manifest.ts';

export type ManifestPipelineOptions = {
  /** Where the manifest of a service stands; null when nobody said. */
  readonly locate: (service: ServiceRef) => string | null | Promise<string | null>;
  readonly env: EnvironmentMap;
  readonly readFile?: (path: string, signal: AbortSignal) => Promise<string>;
  readonly revisionOf?: (folder: string, signal: AbortSignal) => Promise<GitRevision | null>;
  /** Readers for the CI/CD systems that manifests name; those of this pipeline alone when it is not given. */
  readonly readers?: OpenReader;
};

/**
 * A service as its checked-in manifest describes it, which says nothing of what is live: a pipeline does. `recipe` holds secrets.
 * `revision` is what would be deployed from this folder, and `revisionFrom` where it was read.
 */
export type ManifestReading = Pick<Manifest, 'described' | 'pipeline' | 'cluster'> & {
  readonly revision: string;
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
  options: Omit<ManifestPipelineOptions, 'locate' | 'readers'>,
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
  const { described, pipeline, cluster } = manifest;
  return {
    described,
    pipeline,
    cluster,
    revision,
    recipe: manifest.recipe(revision),
    connections: manifest.connections,
    revisionFrom: manifest.revision !== null ? 'file' : git === null ? 'content' : 'git',
  };
}

/**
 * The pipeline of services that are described by a file in their repository. The file says who owns a service and what may be done to it; what is
 * live of it, and whether a deploy is in progress, is asked of the CI/CD system that it names, and without one the file stands for that too.
 */
export function manifestPipeline(options: ManifestPipelineOptions): DeploymentPipeline {
  const readers = options.readers ?? openReaders();
  return {
    id: 'manifest',
    interrogate: async ({ service, environment }, signal) => {
      const path = await options.locate({ service, environment });
      if (path === null)
        throw new HaldaneError(
          'not-found',
          `no manifest is known for ${service} in ${environment}; name it under "service" in the experiment`,
        );
      const { described, pipeline, cluster, revision } = await loadManifest(path, options, signal);
      if (described.service !== service || described.environment !== environment)
        throw new HaldaneError(
          'not-found',
          `the manifest ${path} describes ${described.service} in ${described.environment}, not ${service} in ${environment}`,
        );
      // A checked-in file cannot say that a deploy is under way: whoever deploys by it changes the file first.
      if (pipeline === null) return { ...described, revision, pipeline: 'manifest', deployInProgress: false };
      const live = await readers(pipeline, { service, environment, cluster }, options.env)(signal);
      return {
        ...described,
        revision: live.release.revision,
        source: cluster === null ? described.source : (live.cluster ?? described.source),
        pipeline: pipeline.id,
        deployInProgress: live.release.deploying.length > 0,
        release: live.release,
      };
    },
  };
}
