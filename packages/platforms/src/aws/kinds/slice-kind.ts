import { arms, type ChangeKind, HaldaneError, type Slice } from '@haldane/core';
import type { Action, Rule } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { requireRoute } from '../find-route.ts';
import { forwardOf, sameActions, type Weighted, withGroups } from '../forward.ts';
import { targetGroupName } from '../names.ts';
import { tagNames } from '../our-tags.ts';
import { ownTargetGroup } from '../own.ts';
import { requireSideDoors } from '../require-side-doors.ts';
import { shareWeights } from '../share-weights.ts';
import { armsPart, lookAtSideDoor, type SideDoor, sideDoorShare } from '../side-door.ts';
import { routerRoute } from '../side-doors.ts';

/** `side`: users come to the arms through Haldane's routers. */
export type SliceParams = Slice & { readonly runId: string; readonly route: string; readonly side?: SideDoor };

/** By their ARNs: a rule's priority may change meanwhile, and the arms' names may be gone when it is put back. */
export type SliceBefore = {
  readonly listener: string;
  readonly rule: string;
  readonly actions: readonly Action[];
  /** What leads to the arms: their target groups, or the side door's. */
  readonly arms: readonly string[];
  /** What of the rule's traffic the side door gets; absent: an arm's share goes to each of those. */
  readonly toSideDoor?: number;
};

/**
 * A share of the rule's traffic for each arm, by weights in its forward action. AWS replaces an action whole, so on the way back ours is cut
 * out of what stands there then: while production's weights are still those that we wrote, the action becomes what it was; once somebody
 * else has written it, theirs stays, without the arms. Two slices of a run look alike in the action: while one cannot be cut out, the other
 * is still there too. A weight of 0 would not be enough: a sticky client keeps going to its target group.
 *
 * By a side door, the weights lead to Haldane's routers, and those to the arms: they know of the slice before anybody comes, and users leave the
 * arms there first.
 */
export function sliceKind({ calls, clock, leaveMs, settleMs, sideDoors }: AwsWorld): ChangeKind<SliceParams, SliceBefore> {
  const ruleNow = async (before: SliceBefore, signal: AbortSignal): Promise<Rule | null> =>
    (await calls.balancing.rules(before.listener, signal)).find((one) => one.arn === before.rule) ?? null;

  /** What is cut out of the rule is the run's own, whatever its journal says: or else another's production could be. */
  const requireOwn = async (
    { runId, route, side }: SliceParams,
    { arms: named }: SliceBefore,
    now: Rule | null,
    signal: AbortSignal,
  ): Promise<void> => {
    if (side !== undefined) {
      if (sideDoors !== null && sideDoors.of(route)?.targetGroup !== side.targetGroup)
        throw new HaldaneError('denied', `${side.targetGroup} is not the side door of ${route} here: it was left in its rule`);
      return;
    }
    const there = (forwardOf(now?.actions ?? [])?.groups ?? []).map((one) => one.targetGroup).filter((one) => named.includes(one));
    const tags = there.length === 0 ? null : await calls.balancing.tags(there, signal);
    const foreign = there.find((one) => tags?.get(one)?.[tagNames.run] !== runId);
    if (foreign !== undefined)
      throw new HaldaneError('denied', `the target group ${foreign} is not of run ${runId}: it was left in its rule`);
  };

  /** Users may come once the balancer sees a router that is well; until then the change is tried again. */
  const openAtRouters = async ({ side: _side, route, ...slice }: SliceParams, side: SideDoor, signal: AbortSignal): Promise<void> => {
    const door = await lookAtSideDoor(calls, side, signal);
    if ((door?.routers.healthy ?? 0) === 0)
      throw new HaldaneError('unavailable', `no router in the side door ${side.targetGroup} of ${route} is healthy to its balancer yet`);
    await requireSideDoors(sideDoors, route).slices.put(routerRoute(route), { ...slice, share: armsPart }, signal);
  };

  return {
    kind: 'aws.slice',
    async capture({ route, runId, side, share }, signal) {
      const { listener, rule } = await requireRoute(calls, route, signal);
      const here = { listener: listener.arn, rule: rule.arn, actions: rule.actions };
      if (side !== undefined) {
        const door = await lookAtSideDoor(calls, side, signal);
        if (door === null) throw new HaldaneError('gone', `the side door ${side.targetGroup} of ${route} is not there`);
        return { ...here, arms: [door.group.arn], toSideDoor: sideDoorShare(share, door) };
      }
      const targets = await Promise.all(arms.map((arm) => ownTargetGroup(calls, targetGroupName(runId, arm), runId, signal)));
      const arns = targets.map((one, index) => {
        if (one === null) throw new HaldaneError('gone', `the target group of the ${arms[index]} arm of run ${runId} is not there`);
        return one.arn;
      });
      return { ...here, arms: arns };
    },
    async apply(params, before, signal) {
      const { route, share } = params;
      const ours = sliced(before, share);
      if (params.side !== undefined) await openAtRouters(params, params.side, signal);
      const now = await ruleNow(before, signal);
      if (now === null) throw new HaldaneError('gone', `the rule ${route} is not there any more`);
      if (sameActions(now.actions, ours)) return;
      if (!sameActions(now.actions, before.actions))
        throw new HaldaneError('conflict', `the rule ${route} was changed by somebody else meanwhile: plan again`);
      await calls.balancing.setActions(before.listener, now, ours, signal);
      const seen = await ruleNow(before, signal);
      if (seen === null || !sameActions(seen.actions, ours))
        throw new HaldaneError('conflict', `the rule ${route} does not hold what was written into it: somebody else is changing it`);
    },
    async revert(params, before, signal) {
      const { share, side, route, runId, name } = params;
      // Both, also when one fails: at the routers users leave the arms, and in the rule those who would still come.
      const left = side === undefined ? null : sideDoors?.slices.takeOff(routerRoute(route), runId, name, signal);
      left?.catch(() => undefined);
      const now = await ruleNow(before, signal);
      await requireOwn(params, before, now, signal);
      const wanted = now === null ? null : restored(now.actions, before, share);
      if (now !== null && wanted !== null && !sameActions(now.actions, wanted)) {
        await calls.balancing.setActions(before.listener, now, wanted, signal);
        // Some of the balancer's machines send users to the routers until they have heard of it: what comes next closes that door.
        await clock.sleep(side === undefined ? leaveMs : settleMs, signal);
      }
      await left;
    },
    async isReverted(params, before, signal) {
      const { share, side, route, runId, name } = params;
      const now = await ruleNow(before, signal);
      await requireOwn(params, before, now, signal);
      if (now !== null && !sameActions(now.actions, restored(now.actions, before, share))) return false;
      return side === undefined || sideDoors === null || sideDoors.slices.isOff(routerRoute(route), runId, name, signal);
    },
    async superseded({ route }, before, signal) {
      const now = await ruleNow(before, signal);
      if (now === null) return `the rule ${route} was deleted by somebody else`;
      return sameActions(now.actions, before.actions)
        ? null
        : `the actions of the rule ${route} were set by somebody else, and were kept without the arms`;
    },
  };
}

function sliced(before: SliceBefore, share: number): readonly Action[] {
  const { production, arm } = weightsOf(before, share);
  return withGroups(before.actions, [...production, ...before.arms.map((targetGroup) => ({ targetGroup, weight: arm }))]);
}

/** What should stand there without us, given what stands there now. */
function restored(now: readonly Action[], before: SliceBefore, share: number): readonly Action[] {
  const forward = forwardOf(now);
  if (forward === null) return now;
  const others = forward.groups.filter((one) => !before.arms.includes(one.targetGroup));
  // A rule that would lead nowhere gets back what it had: whoever took production out of it cannot have meant that.
  if (others.length === 0) return before.actions;
  const without = others.length === forward.groups.length ? now : withGroups(now, others);
  return sameActions(without, withGroups(before.actions, weightsOf(before, share).production)) ? before.actions : without;
}

function weightsOf(
  { actions, toSideDoor }: SliceBefore,
  share: number,
): { readonly production: readonly Weighted[]; readonly arm: number } {
  const groups = forwardOf(actions)?.groups;
  if (groups === undefined)
    throw new HaldaneError('refused', 'the rule forwards to no target group, so there is nothing to take a share of');
  const weights = shareWeights(
    groups.map((one) => one.weight),
    toSideDoor ?? share,
    toSideDoor === undefined ? 2 : 1,
  );
  return { production: groups.map((one, index) => ({ ...one, weight: weights.production[index] ?? 0 })), arm: weights.arm };
}
