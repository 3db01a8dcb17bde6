import type { AwsCalls } from './aws-calls.ts';
import type { Weighted } from './forward.ts';
import type { SideDoor, SideDoorState } from './side-door.ts';

/** Why users cannot come by this side door, each naming what to change. `groups`: what the rule leads to now. */
export async function sideDoorRefusals(
  { balancing }: AwsCalls,
  { targetGroup, port }: SideDoor,
  door: SideDoorState | null,
  groups: readonly Weighted[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (door === null) return [`there is no target group ${targetGroup}: make it as docs/aws.md says, or correct HALDANE_AWS_SIDE_DOORS`];
  const refusals: string[] = [];
  if (groups.some((one) => one.targetGroup === door.group.arn))
    refusals.push(
      `the side door ${targetGroup} stands in the rule already: another run's users go there, or it was left; take it out when no run is under way`,
    );
  const served = groups.filter(({ weight, targetGroup: arn }) => weight > 0 && arn !== door.group.arn);
  if (served.length > 1)
    refusals.push(
      `the rule divides users among ${served.length} target groups by weights, which routers do not: give all but one the weight 0, or leave its route out of HALDANE_AWS_SIDE_DOORS`,
    );
  const led = await balancing.targetGroups(
    groups.map((one) => one.targetGroup),
    signal,
  );
  for (const { name, settings } of [door.group, ...led])
    if (settings['Protocol'] !== 'HTTP')
      refusals.push(
        `target group ${name} speaks ${String(settings['Protocol'])}: routers take and send plain HTTP behind a balancer; leave its route out of HALDANE_AWS_SIDE_DOORS`,
      );
  if (door.routers.registered === 0)
    refusals.push(
      `the side door ${targetGroup} holds no router of Haldane's: register the machine that Haldane runs on with port ${port}, which must not be the group's own`,
    );
  if (door.instances.healthy === 0)
    refusals.push(
      `the side door ${targetGroup} holds no healthy instance of production's, so nobody would be served when the routers are gone: attach it to production's group, and let a rule that no request fulfils lead to it, or its targets are not checked`,
    );
  return refusals;
}
