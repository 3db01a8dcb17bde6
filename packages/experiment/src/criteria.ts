import type { Criteria, ExperimentSpec, Platform, Run, Scenario } from '@haldane/core';
import { subjectOf } from './subject/subject-of.ts';

/** What the judge holds the run to. Follows from what was planned, so it is the same before, during and after. */
export function criteriaOf(run: Run, platform: Platform, scenario: Scenario): Criteria {
  const { deployment } = run.facts;
  const subject = subjectOf(platform, scenario, run.experiment);
  const changes = deployment === undefined ? 0 : subject.changes(run.id, deployment).inject.length;
  return criteriaOfSpec(run.experiment, scenario, changes);
}

/** The same for an experiment that makes so many changes, before there is any run of it. */
export function criteriaOfSpec(spec: ExperimentSpec, scenario: Scenario, changes: number): Criteria {
  const { params } = spec.scenario;
  return {
    spec,
    act: scenario.act,
    contactUnit: scenario.contact(params).unit,
    timeConstantSeconds: Math.max(0, ...scenario.timeConstants(params).map((constant) => constant.seconds)),
    changes,
  };
}
