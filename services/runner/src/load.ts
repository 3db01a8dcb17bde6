import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { type ExperimentSpec, HaldaneError, messageOf, type Scenario } from '@haldane/core';
import { readExperiment } from '@haldane/experiment';
import { loadManifest, type ManifestReading } from '@haldane/pipelines';
import { known } from './known.ts';

type Environment = Readonly<Record<string, string>>;

/** An experiment and the description of the service that it names, read from this runner's own disk. What is live of it a pipeline says. */
export type Loaded = { readonly spec: ExperimentSpec; readonly manifest: ManifestReading };

export type LoadOptions = {
  readonly env: Environment;
  /** Those that the experiment may name. */
  readonly scenarios: readonly Scenario[];
  /** Asked of the experiment and of its manifest before they are read; whatever it throws ends the reading. */
  readonly permitFile?: (file: string) => Promise<void>;
};

/** Reads an experiment file and its manifest. Throws `bad-document` with every problem, or `not-found`. */
export async function loadExperiment(
  file: string,
  { env, scenarios, permitFile = async () => undefined }: LoadOptions,
  signal: AbortSignal,
): Promise<Loaded> {
  await permitFile(file);
  const text = await readText(file, 'experiment');
  let read: ManifestReading | null = null;
  const spec = await readExperiment({
    text,
    source: file,
    env,
    scenarios,
    known,
    serviceAt: async (manifest) => {
      await permitFile(manifest);
      read = await loadManifest(manifest, { env }, signal);
      return read.described;
    },
  });
  // The reader asks for the service of every experiment that it accepts.
  if (read === null) throw new HaldaneError('internal', `${file} was accepted without its manifest having been read`);
  return { spec, manifest: read };
}

/** Reads a service's manifest by its absolute path. */
export async function loadService(file: string, env: Environment, signal: AbortSignal): Promise<ManifestReading> {
  await readText(file, 'manifest');
  return loadManifest(file, { env }, signal);
}

async function readText(file: string, what: string): Promise<string> {
  if (!isAbsolute(file)) throw new HaldaneError('bad-request', `file: "${file}" is not an absolute path; the command line makes it one`);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new HaldaneError('not-found', `the ${what} ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
