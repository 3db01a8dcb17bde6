import type { AlertSource, Change, Deployment, ExperimentSpec, MetricSource, Plan, Platform, Scenario } from '@haldane/core';
import { timesOf } from '@haldane/core';
import type { ChangeList } from '../subject/change-list.ts';
import { rateOf } from '../subject/cluster-risks.ts';
import { subjectOf } from '../subject/subject-of.ts';
import { budgetOf, budgetRefusals } from './budget.ts';
import { interrogated } from './interrogated.ts';
import { findEffect, powerOf, savingOf } from './power.ts';
import { refusalsOf } from './refusals.ts';

/**
 * What a run of this experiment would do, decided without touching anything. A plan with refusals is never run.
 */
export async function makePlan(
  input: {
    readonly runId: string;
    readonly spec: ExperimentSpec;
    readonly deployment: Deployment;
    readonly platform: Platform;
    readonly scenario: Scenario;
    /** Where its real users will be counted. */
    readonly metrics?: MetricSource;
    /** Where alerts are heard of; null or absent: nobody asks. */
    readonly alerts?: AlertSource | null;
    /** A failure rate (0..1) for which to say what finding it takes. */
    readonly find?: number;
  },
  signal: AbortSignal,
): Promise<Plan> {
  const { runId, spec, deployment, platform, scenario } = input;
  const route = await platform.traffic.describe(deployment.route, signal);
  const requestsPerSecond = route?.requestsPerSecond ?? spec.expectedRate;
  const subject = subjectOf(platform, scenario, spec);
  const changes = everyChange(subject.changes(runId, deployment));
  const budget = budgetOf(spec, requestsPerSecond);
  const timeConstants = scenario.timeConstants(spec.scenario.params);
  const isExposed = spec.exposure !== 'synthetic';
  const lateMs = isExposed ? (input.metrics?.lateMs?.(runId) ?? 0) : 0;
  const seconds = secondsOf(spec, deployment, scenario, lateMs);
  const risks = subject.risks(deployment, requestsPerSecond, seconds.most);
  const armsPerSecond = requestsPerSecond === null ? null : requestsPerSecond * spec.share * (1 + timesOf(spec, 'control'));
  // Who counts knows best what its counting holds.
  const advice = [
    isExposed ? await input.metrics?.advise?.(deployment, armsPerSecond, signal, spec) : undefined,
    await platform.advise?.(deployment, changes, seconds.most, signal),
    await input.alerts?.advise?.(signal),
  ].filter((one) => one !== undefined);
  const heldBy = (name: string) => advice.flatMap((one) => one.caps).find((one) => one.name === name);
  return {
    interrogated: interrogated(deployment),
    changes,
    atRisk: risks.atRisk,
    caps: [...risks.caps, timeCap(spec)].map((cap) => ({ ...cap, ...heldBy(cap.name) })),
    requestsPerSecond,
    power: powerOf(spec, requestsPerSecond),
    ...(budget === undefined ? {} : { budget }),
    ...(input.find === undefined ? {} : { find: findEffect(spec, requestsPerSecond, input.find) }),
    timeConstants,
    scenarioVersion: scenario.version,
    notes: [
      ...risks.notes,
      ...(spec.fault ? [] : ['Rehearsal without fault: everything happens but the harmful change.']),
      ...[savingOf(spec, requestsPerSecond)].filter((one) => one !== null),
      ...advice.flatMap((one) => one.notes),
    ],
    refusals: [
      ...refusalsOf(spec, deployment, platform, scenario),
      ...budgetRefusals(spec, budget),
      ...(isExposed && spec.budget.users !== undefined && input.metrics?.isKeyless
        ? [`metrics: ${spec.metrics} knows no user from another, so nobody holds budget.users: leave it out; budget.failures holds`]
        : []),
      ...(!isExposed && input.metrics?.isForUsers
        ? [`metrics: ${spec.metrics} counts users at their balancer, and with exposure: synthetic there are none; write metrics: none`]
        : []),
      ...(await platform.refusals(deployment, signal, changes)),
      ...advice.flatMap((one) => one.refusals),
    ],
    seconds,
  };
}

/** In the order in which the stages make them. */
function everyChange({ provision, attach, baselineSlice, inject, watchSlices }: ChangeList): readonly Change[] {
  return [...provision.flat(), attach, baselineSlice, ...inject, ...watchSlices(0)].filter((change) => change !== null);
}

/** How long the arms are watched, without what making them takes; `lateMs`: how late users are counted, for which baseline, proof and end each wait. */
function secondsOf(spec: ExperimentSpec, deployment: Deployment, scenario: Scenario, lateMs: number): Plan['seconds'] {
  const { params } = spec.scenario;
  const hostile = rateOf(scenario.probes(params, deployment, spec), 'hostile');
  const proving = Math.ceil(hostile > 0 ? spec.probes.cleanAnswers / hostile : 0);
  const constant = Math.max(0, ...scenario.timeConstants(params).map((one) => one.seconds));
  const waiting = 3 * Math.ceil(lateMs / 1000);
  return { least: spec.baselineSeconds + proving, most: spec.baselineSeconds * 3 + proving + constant + spec.watchSeconds + waiting };
}

function timeCap({ watchSeconds }: ExperimentSpec): Plan['caps'][number] {
  return { name: 'time', limit: `${watchSeconds} s under watch`, enforcedBy: 'the runner, and leases if it dies' };
}
