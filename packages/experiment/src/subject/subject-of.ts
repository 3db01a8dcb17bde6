import type { ExperimentSpec, Platform, Scenario } from '@haldane/core';
import { Clusters } from './clusters.ts';
import type { Subject } from './subject.ts';
import { Twins } from './twins.ts';

/** What the experiment is made at, by what its scenario has to meet. */
export function subjectOf(platform: Platform, scenario: Scenario, spec: ExperimentSpec): Subject {
  const contact = scenario.contact(spec.scenario.params);
  return contact.unit === 'twin' ? new Twins(platform, scenario, spec, contact.order) : new Clusters(platform, scenario, spec);
}
