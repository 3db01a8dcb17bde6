import type { Criteria, Platform, Run, Scenario } from '@haldane/core';
import { changesOf } from './changes.ts';

/** What the judge holds the run to. Follows from what was planned, so it is the same before, during and after. */
export function criteriaOf(run: Run, platform: Platform, scenario: Scenario): Criteria {
  const { params } = run.experiment.scenario;
  const deployment = run.facts.deployment;
  return {
    spec: run.experiment,
    act: scenario.act,
    contactUnit: scenario.contact(params).unit,
    timeConstantSeconds: Math.max(0, ...scenario.timeConstants(params).map((constant) => constant.seconds)),
    changes: deployment === undefined ? 0 : changesOf(run.id, run.experiment, deployment, platform, scenario).inject.length,
  };
}
