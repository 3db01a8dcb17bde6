import {
  type Change,
  coverageWords,
  type Deployment,
  type ExperimentSpec,
  type MetricSource,
  type Plan,
  type Platform,
  plainSlice,
  type Scenario,
  timesOf,
} from '@haldane/core';
import { budgetOf, budgetRefusals } from './budget.ts';
import { changesOf } from './changes.ts';
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
    /** A failure rate (0..1) for which to say what finding it takes. */
    readonly find?: number;
  },
  signal: AbortSignal,
): Promise<Plan> {
  const { runId, spec, deployment, platform, scenario } = input;
  const route = await platform.traffic.describe(deployment.route, signal);
  const requestsPerSecond = route?.requestsPerSecond ?? spec.expectedRate;
  const list = changesOf(runId, spec, deployment, platform, scenario);
  const changes: readonly Change[] = [
    ...list.provision.flat(),
    ...(list.attach ? [list.attach] : []),
    ...(list.baselineSlice ? [list.baselineSlice] : []),
    ...list.inject,
    ...list.watchSlices(0),
  ];
  const budget = budgetOf(spec, requestsPerSecond);
  const params = spec.scenario.params;
  const timeConstants = scenario.timeConstants(params);
  const probes = scenario.probes(params, deployment, spec);
  const hostile = probes.filter((stream) => stream.kind === 'hostile').reduce((sum, stream) => sum + stream.rate, 0);
  const legitimate = probes.filter((stream) => stream.kind === 'legitimate').reduce((sum, stream) => sum + stream.rate, 0);
  const provingSeconds = Math.ceil(hostile > 0 ? spec.probes.cleanAnswers / hostile : 0);
  const least = spec.baselineSeconds + provingSeconds;
  const most = spec.baselineSeconds * 3 + provingSeconds + Math.max(0, ...timeConstants.map((one) => one.seconds)) + spec.watchSeconds;
  const armsPerSecond = requestsPerSecond === null ? null : requestsPerSecond * spec.share * (1 + timesOf(spec, 'control'));
  const isExposed = spec.exposure !== 'synthetic';
  // Who counts knows best what its counting holds.
  const advice = [
    isExposed ? await input.metrics?.advise?.(deployment, armsPerSecond, signal) : undefined,
    await platform.advise?.(deployment, changes, most, signal),
  ].filter((one) => one !== undefined);
  const heldBy = (name: string) => advice.flatMap((one) => one.caps).find((one) => one.name === name);
  return {
    interrogated: interrogated(deployment),
    changes,
    atRisk: scenario.traffic === 'none' ? nobodyAtRisk : atRisk(spec, requestsPerSecond, hostile, legitimate, most),
    caps: (scenario.traffic === 'none' ? twinCapsOf(spec) : capsOf(spec)).map((cap) => ({
      ...cap,
      ...heldBy(cap.name),
    })),
    requestsPerSecond,
    power: powerOf(spec, requestsPerSecond),
    ...(budget === undefined ? {} : { budget }),
    ...(input.find === undefined ? {} : { find: findEffect(spec, requestsPerSecond, input.find) }),
    timeConstants,
    scenarioVersion: scenario.version,
    notes: [
      ...notesOf(deployment, platform, scenario, spec),
      ...[savingOf(spec, requestsPerSecond)].filter((one) => one !== null),
      ...advice.flatMap((one) => one.notes),
    ],
    refusals: [
      ...refusalsOf(spec, deployment, platform, scenario),
      ...budgetRefusals(spec, budget),
      ...(isExposed && spec.budget.users !== undefined && input.metrics?.isKeyless
        ? [`metrics: ${spec.metrics} knows no user from another, so nobody holds budget.users: leave it out; budget.failures holds`]
        : []),
      ...(await platform.refusals(deployment, signal, changes)),
      ...advice.flatMap((one) => one.refusals),
    ],
    seconds: { least, most },
  };
}

function interrogated(deployment: Deployment): Plan['interrogated'] {
  return [
    {
      what: `pipeline ${deployment.pipeline}`,
      said: `${deployment.service} (${deployment.environment}) is live at ${deployment.revision}`,
    },
    ...releaseWords(deployment),
    ...commitWords(deployment),
    {
      what: 'owner',
      said: `${deployment.owner.team}, ${deployment.owner.contact}; opted in to ${deployment.optIn.join(', ') || 'nothing'}`,
    },
    { what: `platform ${deployment.platform}`, said: `${deployment.instances} production instances behind route ${deployment.route}` },
    {
      what: 'dependencies',
      said: deployment.dependencies.map((one) => `${one.name} (${one.as}, ${one.env})`).join(', ') || 'none declared',
    },
    {
      what: 'intake besides the route',
      said: deployment.intakeDeclared
        ? deployment.intake.map((one) => `${one.name} (${one.kind}), turned off in the arms`).join(', ') || 'none, as declared'
        : 'not declared',
    },
  ];
}

function releaseWords({ pipeline, release }: Deployment): Plan['interrogated'] {
  if (release === undefined) return [];
  const { revision, artifact, since, said } = release;
  const words = [revision, ...(artifact === null ? [] : [artifact]), ...(since === null ? [] : [`since ${new Date(since).toISOString()}`])];
  return [{ what: `release by ${pipeline}`, said: words.join(', ') }, ...said];
}

/** By which name the gate knows what runs, where that is not the platform's own. */
function commitWords({ platform, revision, commit, release }: Deployment): Plan['interrogated'] {
  if (commit === revision || (commit === undefined && release === undefined)) return [];
  const unknown = `platform ${platform} does not say of which commit ${revision} is, or says another than the pipeline: the gate knows it as ${revision} only`;
  return [{ what: 'commit', said: commit ?? unknown }];
}

function atRisk(spec: ExperimentSpec, rate: number | null, hostile: number, legitimate: number, seconds: number): Plan['atRisk'] {
  const users =
    spec.exposure === 'synthetic'
      ? { who: 'real users', requests: 0, why: 'exposure is synthetic: no real request reaches an arm' }
      : {
          who: atRiskWho(spec),
          requests: rate === null ? null : Math.round(rate * spec.share * (spec.watchSeconds + spec.baselineSeconds)),
          why:
            rate === null
              ? `${percent(spec.share)} of the route's traffic in each arm; how much that is will be known when it flows`
              : `${percent(spec.share)} of about ${Math.round(rate)} requests a second in the experiment, for at most ${spec.watchSeconds} s under the fault; ${harmWords(spec)}`,
        };
  return [
    users,
    {
      who: 'legitimate synthetic requests',
      requests: Math.round(legitimate * seconds) * 2,
      why: 'ours, in both arms; never charged to the budget',
    },
    {
      who: 'hostile synthetic requests',
      requests: Math.round(hostile * seconds) * 2,
      why: 'ours, only to instances that this run launched',
    },
  ];
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

const nobodyAtRisk: Plan['atRisk'] = [
  {
    who: 'real users',
    requests: 0,
    why: 'no arm is launched and no request is sent: the change is made at a twin that the run makes for it',
  },
];

function twinCapsOf(spec: ExperimentSpec): Plan['caps'] {
  return [
    {
      name: "changes to the service's own",
      limit: '0',
      enforcedBy: 'the platform: it writes only to what carries the name and the tag of this run',
    },
    timeCap(spec),
  ];
}

function timeCap({ watchSeconds }: ExperimentSpec): Plan['caps'][number] {
  return { name: 'time', limit: `${watchSeconds} s under watch`, enforcedBy: 'the runner, and leases if it dies' };
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
    timeCap(spec),
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

const rehearsal = 'Rehearsal without fault: everything happens but the harmful change.';

function notesOf(deployment: Deployment, platform: Platform, scenario: Scenario, spec: ExperimentSpec): readonly string[] {
  if (scenario.traffic === 'none')
    return [
      ...(spec.noticed === null
        ? ['Without noticed nobody says what should be seen, and the run is inconclusive: name rules and a receiver.']
        : []),
      ...(spec.fault ? [] : [rehearsal]),
    ];
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
  if (!spec.fault) notes.push(rehearsal);
  return notes;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
