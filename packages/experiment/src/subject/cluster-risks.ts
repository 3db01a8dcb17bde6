import {
  coverageWords,
  type Deployment,
  type ExperimentSpec,
  type Plan,
  type Platform,
  type ProbeStream,
  plainSlice,
  type Scenario,
  timesOf,
} from '@haldane/core';
import type { Risks } from './subject.ts';

/** What a plan says of a run at clusters: a share of real users may be in them, and synthetic requests are. */
export function clusterRisks(given: {
  readonly deployment: Deployment;
  readonly platform: Platform;
  readonly scenario: Scenario;
  readonly spec: ExperimentSpec;
  /** Of real users on the route; null when unknown. */
  readonly requestsPerSecond: number | null;
  /** The longest that streams flow. */
  readonly seconds: number;
}): Risks {
  const { deployment, platform, scenario, spec, requestsPerSecond, seconds } = given;
  const streams = scenario.probes(spec.scenario.params, deployment, spec);
  return {
    atRisk: [usersAtRisk(spec, requestsPerSecond), ...syntheticAtRisk(streams, seconds)],
    caps: capsOf(spec),
    notes: notesOf(deployment, platform, scenario, spec),
  };
}

function usersAtRisk(spec: ExperimentSpec, rate: number | null): Plan['atRisk'][number] {
  if (spec.exposure === 'synthetic')
    return { who: 'real users', requests: 0, why: 'exposure is synthetic: no real request reaches an arm' };
  const share = percent(spec.share);
  return {
    who: atRiskWho(spec),
    requests: rate === null ? null : Math.round(rate * spec.share * (spec.watchSeconds + spec.baselineSeconds)),
    why:
      rate === null
        ? `${share} of the route's traffic in each arm; how much that is will be known when it flows`
        : `${share} of about ${Math.round(rate)} requests a second in the experiment, for at most ${spec.watchSeconds} s under the fault; ${harmWords(spec)}`,
  };
}

function syntheticAtRisk(streams: readonly ProbeStream[], seconds: number): Plan['atRisk'] {
  const inBothArms = (kind: ProbeStream['kind']) => Math.round(rateOf(streams, kind) * seconds) * 2;
  return [
    {
      who: 'legitimate synthetic requests',
      requests: inBothArms('legitimate'),
      why: 'ours, in both arms; never charged to the budget',
    },
    {
      who: 'hostile synthetic requests',
      requests: inBothArms('hostile'),
      why: 'ours, only to instances that this run launched',
    },
  ];
}

/** Synthetic requests a second of one kind. */
export function rateOf(streams: readonly ProbeStream[], kind: ProbeStream['kind']): number {
  return streams.filter((stream) => stream.kind === kind).reduce((sum, stream) => sum + stream.rate, 0);
}

function atRiskWho({ exposure, slice = plainSlice }: ExperimentSpec): string {
  if (slice.mode === 'mirror') return 'nobody: copies of requests';
  return `${slice.mode === 'shield' ? 'real users behind a shield' : 'real users'}${exposure === 'reads' ? ', safe requests only (GET, HEAD)' : ''}`;
}

function harmWords({ budget, slice = plainSlice }: ExperimentSpec): string {
  switch (slice.mode) {
    case 'route':
      return `at most ${budget.failures} may fail`;
    case 'shield':
      return `production answers what fails within ${budget.latencyLimitMs / 2} ms; at most ${budget.failures} may fail all the same, by breaking off after they began`;
    case 'mirror':
      return 'production answers every one of them';
  }
}

function capsOf(spec: ExperimentSpec): Plan['caps'] {
  const times = timesOf(spec, 'control');
  return [
    {
      name: 'failures of real users, both arms together',
      limit: `${spec.budget.failures}`,
      enforcedBy: 'the router, before it admits a request: exact',
    },
    ...(spec.budget.users === undefined
      ? []
      : [
          {
            name: 'distinct users who see a failure',
            limit: `${spec.budget.users}`,
            enforcedBy: 'the router, before it admits a request of somebody who has seen none: exact, as far as keys tell users apart',
          },
        ]),
    {
      name: 'share of the route',
      limit:
        times === 1 ? `${percent(spec.share)} an arm` : `${percent(spec.share)} for the experiment, ${times} times as much for control`,
      enforcedBy: 'the router',
    },
    ...sliceCaps(spec),
    { name: 'a request slower than', limit: `${spec.budget.latencyLimitMs} ms counts as a failure`, enforcedBy: 'the router' },
    {
      name: 'real users behind a door not shown shut',
      limit: '0',
      enforcedBy: `the slice is off until ${spec.probes.cleanAnswers} hostile requests were refused`,
    },
  ];
}

/** What the slice holds back beside the share, as the router and the judge do it. */
function sliceCaps({ exposure, slice, share }: ExperimentSpec): Plan['caps'] {
  if (exposure === 'synthetic') return [];
  const { ramp, ...rules } = slice ?? plainSlice;
  const stages = ramp.map(
    (stage) => `${percent(stage.share)} until ${stage.requests} requests an arm${stage.seconds > 0 ? ` and ${stage.seconds} s` : ''}`,
  );
  return [
    { name: rules.mode === 'mirror' ? 'copied' : 'may enter an arm', limit: coverageWords(exposure, rules), enforcedBy: 'the router' },
    ...(stages.length === 0
      ? []
      : [
          {
            name: 'ramp',
            limit: [...stages, `then ${percent(share)}`].join(', '),
            enforcedBy: 'the judge: only while nothing speaks for harm',
          },
        ]),
  ];
}

function notesOf(deployment: Deployment, platform: Platform, scenario: Scenario, spec: ExperimentSpec): readonly string[] {
  const notes = [
    'Addresses that the service learns at run time (OIDC discovery, service discovery) are not proxied; faults reach declared dependencies only.',
  ];
  for (const one of deployment.dependencies)
    if (one.as === 'https' && one.ca === null)
      notes.push(
        `Dependency ${one.name} is https without ca: it is passed on as tcp, so only refuse, reset, delay and hang are possible. Declare ca: the variable that takes a file of trusted certificates.`,
      );
  if (spec.fault && spec.exposure !== 'synthetic')
    notes.push(
      platform.faults.can.includes('slice-rules')
        ? 'While the fault is on, answers of both arms leave with Cache-Control: no-store, permanent redirects as temporary ones, and without HSTS, Clear-Site-Data, Alt-Svc and the like.'
        : 'No router of ours is in the path: what an arm answers under the fault may stay in clients and caches.',
    );
  if (scenario.residue.length > 0) notes.push(`May leave in data: ${scenario.residue.join(', ')}.`);
  return notes;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
