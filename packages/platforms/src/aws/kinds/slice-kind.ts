import { arms, type ChangeKind, HaldaneError, type Slice } from '@haldane/core';
import type { Action, Rule } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { requireRoute } from '../find-route.ts';
import { forwardOf, sameActions, type Weighted, withGroups } from '../forward.ts';
import { targetGroupName } from '../names.ts';
import { ownTargetGroup } from '../own.ts';
import { shareWeights } from '../share-weights.ts';

export type SliceParams = Slice & { readonly runId: string; readonly route: string };

/** By their ARNs: a rule's priority may change meanwhile, and the arms' names may be gone when it is put back. */
export type SliceBefore = {
  readonly listener: string;
  readonly rule: string;
  readonly actions: readonly Action[];
  readonly arms: readonly string[];
};

/**
 * A share of the rule's traffic for each arm, by weights in its forward action. AWS replaces an action whole, so on the way back ours is cut
 * out of what stands there then: while production's weights are still those that we wrote, the action becomes what it was; once somebody
 * else has written it, theirs stays, without the arms. Two slices of a run look alike in the action: while one cannot be cut out, the other
 * is still there too. A weight of 0 would not be enough: a sticky client keeps going to its target group.
 */
export function sliceKind({ calls, clock, leaveMs }: AwsWorld): ChangeKind<SliceParams, SliceBefore> {
  const ruleNow = async (before: SliceBefore, signal: AbortSignal): Promise<Rule | null> =>
    (await calls.balancing.rules(before.listener, signal)).find((one) => one.arn === before.rule) ?? null;

  return {
    kind: 'aws.slice',
    async capture({ route, runId }, signal) {
      const { listener, rule } = await requireRoute(calls, route, signal);
      const targets = await Promise.all(arms.map((arm) => ownTargetGroup(calls, targetGroupName(runId, arm), runId, signal)));
      const arns = targets.map((one, index) => {
        if (one === null) throw new HaldaneError('gone', `the target group of the ${arms[index]} arm of run ${runId} is not there`);
        return one.arn;
      });
      return { listener: listener.arn, rule: rule.arn, actions: rule.actions, arms: arns };
    },
    async apply({ route, share }, before, signal) {
      const ours = sliced(before, share);
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
    async revert({ share }, before, signal) {
      const now = await ruleNow(before, signal);
      if (now === null) return;
      const wanted = restored(now.actions, before, share);
      if (sameActions(now.actions, wanted)) return;
      await calls.balancing.setActions(before.listener, now, wanted, signal);
      await clock.sleep(leaveMs, signal);
    },
    async isReverted({ share }, before, signal) {
      const now = await ruleNow(before, signal);
      return now === null || sameActions(now.actions, restored(now.actions, before, share));
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

function weightsOf({ actions }: SliceBefore, share: number): { readonly production: readonly Weighted[]; readonly arm: number } {
  const groups = forwardOf(actions)?.groups;
  if (groups === undefined)
    throw new HaldaneError('refused', 'the rule forwards to no target group, so there is nothing to take a share of');
  const weights = shareWeights(
    groups.map((one) => one.weight),
    share,
  );
  return { production: groups.map((one, index) => ({ ...one, weight: weights.production[index] ?? 0 })), arm: weights.arm };
}
