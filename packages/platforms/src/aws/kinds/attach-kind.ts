import { arms, type ChangeKind, HaldaneError } from '@haldane/core';
import type { AwsWorld } from '../aws-world.ts';
import { openTo, secretOf, shut } from '../door.ts';
import { findRoute } from '../find-route.ts';
import { ownRules } from '../own.ts';

export type AttachParams = { readonly runId: string; readonly route: string };

/** Opens both doors to who carries their secret. Moves no user. */
export function attachKind({ calls, random }: AwsWorld): ChangeKind<AttachParams, null> {
  const doors = async ({ route, runId }: AttachParams, signal: AbortSignal) => {
    const found = await findRoute(calls, route, signal);
    return ownRules(calls, found?.rules ?? [], runId, signal);
  };
  return {
    kind: 'aws.attach',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      const there = await doors(params, signal);
      for (const arm of arms) {
        const door = there.find((one) => one.arm === arm);
        if (door === undefined) throw new HaldaneError('gone', `the ${arm} door of run ${params.runId} on ${params.route} is not there`);
        if (secretOf(door.rule) !== null) continue;
        await calls.balancing.setConditions(door.rule.arn, openTo(Buffer.from(random(32)).toString('hex')), signal);
      }
    },
    async revert(params, _before, signal) {
      for (const { rule } of await doors(params, signal))
        if (secretOf(rule) !== null) await calls.balancing.setConditions(rule.arn, shut, signal);
    },
    isReverted: async (params, _before, signal) => (await doors(params, signal)).every(({ rule }) => secretOf(rule) === null),
  };
}
