import { type Arm, type ChangeKind, HaldaneError } from '@haldane/core';
import type { TargetGroup } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { requireRoute } from '../find-route.ts';
import { forwardOf } from '../forward.ts';
import { ourTags } from '../our-tags.ts';
import { findOrMake, ownTargetGroup } from '../own.ts';

export type TargetsParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly name: string;
  /** Production's group and rule, whose target group this one is made like. */
  readonly source: string;
  readonly route: string;
};

/** Who leaves an arm need not be waited for: the slice was taken off before. */
const attributesOfOurs = { 'deregistration_delay.timeout_seconds': '0' };

/** A target group of an arm's own, equal to production's in protocol, port, network, health check and attributes. */
export function targetsKind({ calls, expiresFor }: AwsWorld): ChangeKind<TargetsParams, null> {
  return {
    kind: 'aws.targets',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      const { runId, arm, name } = params;
      const production = await productionTargets(params, signal);
      const made = await findOrMake(
        `the target group ${name}`,
        () => ownTargetGroup(calls, name, runId, signal),
        () => calls.balancing.addTargetGroup(name, production.settings, ourTags(runId, arm, expiresFor(runId)), signal),
      );
      const wanted = { ...(await calls.balancing.attributes(production.arn, signal)), ...attributesOfOurs };
      const there = await calls.balancing.attributes(made.arn, signal);
      const different = Object.entries(wanted).filter(([key, value]) => there[key] !== value);
      if (different.length > 0) await calls.balancing.setAttributes(made.arn, Object.fromEntries(different), signal);
    },
    async revert({ name, runId }, _before, signal) {
      const own = await ownTargetGroup(calls, name, runId, signal);
      if (own !== null) await calls.balancing.removeTargetGroup(own.arn, signal);
    },
    isReverted: async ({ name, runId }, _before, signal) => (await ownTargetGroup(calls, name, runId, signal)) === null,
  };

  async function productionTargets({ source, route }: TargetsParams, signal: AbortSignal): Promise<TargetGroup> {
    const group = await calls.groups.group(source, signal);
    const { rule } = await requireRoute(calls, route, signal);
    const arn = forwardOf(rule.actions)?.groups.find((one) => group?.targetGroups.includes(one.targetGroup))?.targetGroup;
    const [found] = arn === undefined ? [] : await calls.balancing.targetGroups([arn], signal);
    if (found === undefined)
      throw new HaldaneError('gone', `the rule ${route} forwards to no target group of the Auto Scaling group ${source}`);
    return found;
  }
}
