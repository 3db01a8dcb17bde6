import type { ExperimentSpec } from '@haldane/core';
import type { DefinitionView } from './schema.ts';

/** What of an experiment a choice asks for. */
export function definitionOf(spec: ExperimentSpec): DefinitionView {
  const { service, environment, name, scenario, baselineSeconds, watchSeconds, noticed } = spec;
  const seconds = Math.ceil(baselineSeconds + watchSeconds);
  return { service, environment, experiment: name, scenario: scenario.id, seconds, listens: noticed !== null };
}
