import { type Change, type Deployment, hasCode, messageOf } from '@haldane/core';
import type { AwsCalls, Group } from './aws-calls.ts';
import type { CommitOf } from './commits.ts';
import { type FoundRoute, findRoute } from './find-route.ts';
import { forwardOf } from './forward.ts';
import { hookRefusals, ofCodeDeploy } from './hooks.ts';
import type { SliceParams } from './kinds/slice-kind.ts';
import type { TwinFaultParams } from './kinds/twin-fault-kind.ts';
import type { TwinParams } from './kinds/twin-kind.ts';
import { isOptedIn, tagNames } from './our-tags.ts';
import { revisionOf } from './revision.ts';
import { shareWeights } from './share-weights.ts';
import { lookAtSideDoor, sideDoorShare } from './side-door.ts';
import { sideDoorRefusals } from './side-door-refusals.ts';

type Forward = NonNullable<ReturnType<typeof forwardOf>>;

/** AWS: so many target groups may stand in one forward action. */
const mostGroups = 5;

/** Why a run with these changes cannot be made here, each naming what to change. Reads only. */
export async function awsRefusals(
  { calls, commitOf, hasSidecars }: { readonly calls: AwsCalls; readonly commitOf: CommitOf; readonly hasSidecars: boolean },
  deployment: Deployment,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { source, route } = deployment;
  const twins = changes.filter((change) => change.kind === 'aws.twin').map((change) => change.params as TwinParams);
  const faults = changes.filter((change) => change.kind === 'aws.twin-fault').map((change) => change.params as TwinFaultParams);
  if (twins.length > 0) return twinRefusals(calls, twins, faults, signal);
  const group = await calls.groups.group(source, signal);
  const found = await findRoute(calls, route, signal);
  return [
    ...(group === null
      ? [`there is no Auto Scaling group ${source} in this account and region`]
      : await groupRefusals({ calls, commitOf }, group, deployment, signal)),
    ...(found === null
      ? [`there is no listener rule ${route}; write balancer:port, or balancer:port/priority`]
      : await routeRefusals(calls, found, group, deployment, changes, signal)),
    ...(hasSidecars ? [] : deployment.intake).map(
      ({ name }) =>
        `${name} would have to be turned off in the arms by variables, and no sidecar is there to set them: say in HALDANE_AWS_SIDECAR how an instance starts one`,
    ),
  ];
}

/** What a twin is made like must be there, its owner must have said at the resource itself that it may be, and nothing in the account may stand in the way. */
async function twinRefusals(
  calls: AwsCalls,
  wanted: readonly TwinParams[],
  faults: readonly TwinFaultParams[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found = await Promise.all(
    wanted.map(async ({ of, like, name, runId, scenario }) => {
      const kind = calls.twins[of];
      const original = await kind.original(like, signal);
      if (original === null) return `there is no ${kind.word} ${like} in this account and region`;
      if (!isOptedIn(original.tags, scenario))
        return `${kind.word} ${like} is not opted in: its owner gives it the tag ${tagNames.optIn} with ${scenario} in its value`;
      const there = await kind.find(name, signal);
      return there === null || there.tags[tagNames.run] === runId
        ? null
        : `there is a ${kind.word} ${name} already, and it is not this run's`;
    }),
  );
  const hindered = await Promise.all(faults.map(({ of, fault, runId }) => calls.twins[of].hinders(fault, runId, signal)));
  return [...new Set([...found, ...hindered].filter((one) => one !== null))];
}

async function groupRefusals(
  { calls, commitOf }: { readonly calls: AwsCalls; readonly commitOf: CommitOf },
  group: Group,
  { revision, source, release, withoutHooks = [] }: Deployment,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const live = await revisionOf(calls, group, signal);
  if (live === null || group.template === null)
    return [
      `group ${source} is not made from one launch template that exists (a launch configuration or a mixed policy): arms cannot be pinned to its version`,
    ];
  const refusals: string[] = [];
  if (live.revision !== revision)
    refusals.push(`group ${source} is at ${live.revision}, but the pipeline says that ${revision} is live: deploy it first`);
  const hooks = await calls.groups.hooks(source, signal);
  const hook = ofCodeDeploy(hooks);
  if (hook !== undefined && (release === undefined || (await commitOf(group.template.id, live.version, signal)) !== release.revision))
    refusals.push(
      `CodeDeploy installs the service on instances of ${source} after their launch (lifecycle hook ${hook.name}), and does not know arms: they would run without it, or at an older revision. Build it into the image, let ${live.revision} tag its instances with the commit, and name codedeploy under "pipeline" in the service's file, so that both can be compared (docs/codedeploy.md)`,
    );
  refusals.push(...hookRefusals(source, live.revision, hooks, withoutHooks));
  const away = group.instances.filter((one) => !one.isInService);
  if (away.length > 0 || group.instances.length === 0)
    refusals.push(
      `production of ${source} is not whole (${group.instances.length - away.length} of ${group.desired} in service): an experiment needs a healthy service to compare with`,
    );
  return refusals;
}

async function routeRefusals(
  calls: AwsCalls,
  { rule }: FoundRoute,
  group: Group | null,
  { route, source }: Deployment,
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const forward = forwardOf(rule.actions);
  if (forward === null || forward.groups.length === 0)
    return [`rule ${route} forwards to no target group (redirect, fixed response): there is no traffic to slice`];
  const refusals: string[] = [];
  const arns = forward.groups.map((one) => one.targetGroup);
  if (group !== null && !arns.some((arn) => group.targetGroups.includes(arn)))
    refusals.push(`rule ${route} forwards to no target group of ${source}: route and source do not belong together`);
  if (forward.sticky)
    refusals.push(
      `rule ${route} is sticky: a client that once came to an arm would go on there after the run. Turn stickiness of the rule off for the experiment, or put Haldane's routers before the arms`,
    );
  const slices = changes.filter((change) => change.kind === 'aws.slice').map((change) => change.params as SliceParams);
  const side = slices[0]?.side;
  if (forward.groups.length + (side === undefined ? 2 : 1) > mostGroups)
    refusals.push(
      `rule ${route} forwards to ${forward.groups.length} target groups; AWS allows ${mostGroups}, and ${side === undefined ? 'the arms need two' : 'the side door needs one'}`,
    );
  const runs = new Set([...(await calls.balancing.tags(arns, signal)).values()].flatMap((tags) => tags[tagNames.run] ?? []));
  for (const runId of runs)
    if (changes.every((change) => change.params['runId'] !== runId))
      refusals.push(`run ${runId} still has its arms in rule ${route}: wait until it is restored`);
  if (slices[0] !== undefined) refusals.push(...(await weightRefusals(calls, forward, slices[0], signal)));
  if (side === undefined && slices.some((one) => one.exposure === 'reads'))
    refusals.push(
      'exposure reads: a weighted rule cannot tell reads from writes; write exposure: synthetic or all, or put a side door before the arms',
    );
  return refusals;
}

/** Why the slice cannot be said in the weights of this action. */
async function weightRefusals(
  calls: AwsCalls,
  { groups }: Forward,
  { share, side }: SliceParams,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const door = side === undefined ? null : await lookAtSideDoor(calls, side, signal);
  const refusals = side === undefined ? [] : await sideDoorRefusals(calls, side, door, groups, signal);
  if (side !== undefined && (door === null || door.routers.registered === 0)) return refusals;
  try {
    shareWeights(
      groups.map((one) => one.weight),
      door === null ? share : sideDoorShare(share, door),
      door === null ? 2 : 1,
    );
    return refusals;
  } catch (error) {
    if (!hasCode(error, 'refused')) throw error;
    return [...refusals, messageOf(error)];
  }
}
