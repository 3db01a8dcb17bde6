import { HaldaneError } from '@haldane/core';
import type { AwsCalls, TargetGroup } from './aws-calls.ts';

/**
 * A target group in which the service's owner has put Haldane's routers beside production's instances. `port`: where the first router serves
 * the route.
 */
export type SideDoor = { readonly targetGroup: string; readonly port: number };

type Counted = { readonly registered: number; readonly healthy: number };
export type SideDoorState = { readonly group: TargetGroup; readonly routers: Counted; readonly instances: Counted };

/** Of what enters a router, so much is each arm's. As much stays production's, through the same router: what the arms are compared with. */
export const armsPart = 1 / 3;

/** The side door as it stands; null when there is no such target group. Instances answer at the group's own port, routers at others. */
export async function lookAtSideDoor(
  { balancing }: AwsCalls,
  { targetGroup }: SideDoor,
  signal: AbortSignal,
): Promise<SideDoorState | null> {
  const group = await balancing.targetGroup(targetGroup, signal);
  if (group === null) return null;
  const targets = await balancing.health(group.arn, signal);
  const count = (areRouters: boolean): Counted => {
    const those = targets.filter(({ port }) => (port !== Number(group.settings['Port'])) === areRouters);
    return { registered: those.length, healthy: those.filter(({ state }) => state === 'healthy').length };
  };
  return { group, routers: count(true), instances: count(false) };
}

/**
 * How much of a route must lead to its side door so that each arm gets `share` (0..1) of the route: a balancer takes turns among a target
 * group's targets, of which only some are routers. Throws `refused` when that is (nearly) all of the route, or more.
 */
export function sideDoorShare(share: number, { routers, instances }: SideDoorState): number {
  const wanted = (share / armsPart) * ((routers.registered + instances.registered) / routers.registered);
  if (wanted <= 0.95) return wanted;
  const most = Math.floor(((0.95 * armsPart * routers.registered) / (routers.registered + instances.registered)) * 1000) / 10;
  throw new HaldaneError(
    'refused',
    `share: of what is sent to the side door, one in ${Math.ceil((routers.registered + instances.registered) / routers.registered)} requests enters a router (${routers.registered} beside ${instances.registered} instances), and a third of those each arm; write a share of at most ${most}%, or add routers`,
  );
}
