import { readFile } from 'node:fs/promises';
import { type ExperimentSpec, HaldaneError, messageOf } from '@haldane/core';

/** An experiment file for its criteria alone: the service that it names is neither read nor asked. Throws `bad-document` or `not-found`. */
export async function readSpec(file: string, env: Readonly<Record<string, string>>): Promise<ExperimentSpec> {
  const [{ readExperiment }, { scenarios }] = await Promise.all([import('@haldane/experiment'), import('@haldane/scenarios')]);
  return readExperiment({
    text: await readText(file),
    source: file,
    env,
    scenarios,
    serviceAt: (manifest) => ({ service: manifest, environment: 'not asked' }),
  });
}

/** A file's text. Throws `not-found`. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new HaldaneError('not-found', `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
