import { type Arm, type Deployment, HaldaneError, type Meters } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { requireRoute } from './find-route.ts';
import { forwardOf } from './forward.ts';
import { targetGroupName } from './names.ts';
import { tagNames } from './our-tags.ts';
import { ownTargetGroup } from './own.ts';

/**
 * The dimensions under which CloudWatch keeps what an Application Load Balancer counts: they are the ends of the ARNs. Production is every target group that
 * the rule gives weight and that is no run's; with a run the arms' own, too.
 */
export async function awsMeters(
  calls: AwsCalls,
  hasSideDoor: boolean,
  { route }: Deployment,
  runId: string | null,
  signal: AbortSignal,
): Promise<Meters> {
  if (hasSideDoor)
    throw new HaldaneError(
      'refused',
      `users of ${route} come to the arms by its side door, past their target groups, so no balancer counts them; write metrics: router, which also holds the budget exactly`,
    );
  const { listener, rule } = await requireRoute(calls, route, signal);
  const balancer = /:listener\/(app\/[^/]+\/[^/]+)\//.exec(listener.arn)?.[1];
  if (balancer === undefined)
    throw new HaldaneError(
      'refused',
      `${listener.arn} is no listener of an Application Load Balancer, and no other counts answers by status`,
    );
  const forwarded = (forwardOf(rule.actions)?.groups ?? []).filter(({ weight }) => weight > 0).map((one) => one.targetGroup);
  const tags = await calls.balancing.tags(forwarded, signal);
  const production = forwarded.filter((arn) => tags.get(arn)?.[tagNames.run] === undefined).map(dimensionOf);
  const ofArm = async (arm: Arm): Promise<readonly string[]> => {
    if (runId === null) return [];
    const name = targetGroupName(runId, arm);
    const own = await ownTargetGroup(calls, name, runId, signal);
    if (own === null) throw new HaldaneError('gone', `the target group ${name} of run ${runId} is not there`);
    return [dimensionOf(own.arn)];
  };
  const [control, experiment] = await Promise.all([ofArm('control'), ofArm('experiment')]);
  return { balancer, groups: { production, control, experiment } };
}

function dimensionOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}
