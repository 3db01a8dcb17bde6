import { type Arm, type ChangeKind, HaldaneError, hasCode } from '@haldane/core';
import type { Rule } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { shut } from '../door.ts';
import { findRoute, requireRoute } from '../find-route.ts';
import { ourTags } from '../our-tags.ts';
import { ownRules, ownTargetGroup } from '../own.ts';

export type DoorParams = { readonly runId: string; readonly arm: Arm; readonly route: string; readonly targetGroup: string };

const triesForAPlace = 5;

/**
 * A rule of the run's own on production's listener, that leads to one arm and is shut: no request fulfils its conditions. It must stand
 * before the arm is launched, for a balancer checks the health only of targets that some rule leads to.
 */
export function doorKind({ calls, expiresFor }: AwsWorld): ChangeKind<DoorParams, null> {
  const own = async ({ route, runId, arm }: DoorParams, signal: AbortSignal) => {
    const found = await findRoute(calls, route, signal);
    return (await ownRules(calls, found?.rules ?? [], runId, signal)).filter((one) => one.arm === arm).map((one) => one.rule);
  };
  return {
    kind: 'aws.door',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      const { runId, arm, route, targetGroup } = params;
      for (let left = triesForAPlace; (await own(params, signal)).length === 0; left -= 1) {
        const { listener, rule, rules } = await requireRoute(calls, route, signal);
        const targets = await ownTargetGroup(calls, targetGroup, runId, signal);
        if (targets === null) throw new HaldaneError('gone', `the target group ${targetGroup} of run ${runId} is not there`);
        const door = {
          priority: placeBefore(rule, rules, route),
          conditions: shut,
          actions: [{ Type: 'forward', TargetGroupArn: targets.arn }],
          tags: ourTags(runId, arm, expiresFor(runId)),
        };
        try {
          await calls.balancing.addRule(listener.arn, door, signal);
        } catch (error) {
          // Somebody took the place meanwhile: there are others.
          if (!hasCode(error, 'conflict') || left <= 1) throw error;
        }
      }
    },
    async revert(params, _before, signal) {
      for (const rule of await own(params, signal)) await calls.balancing.removeRule(rule.arn, signal);
    },
    isReverted: async (params, _before, signal) => (await own(params, signal)).length === 0,
  };
}

/** The free priority nearest before the rule, so that whatever is asked before production's rule is asked before ours too. */
function placeBefore(rule: Rule, rules: readonly Rule[], route: string): number {
  const taken = new Set(rules.map((one) => one.priority));
  for (let place = (rule.priority ?? 50_001) - 1; place >= 1; place -= 1) if (!taken.has(place)) return place;
  throw new HaldaneError('refused', `there is no free priority before the rule ${route}: make room for two rules of the run`);
}
