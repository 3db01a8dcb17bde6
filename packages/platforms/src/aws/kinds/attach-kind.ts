import { arms, type ChangeKind, HaldaneError } from '@haldane/core';
import type { AwsWorld } from '../aws-world.ts';
import { openTo, secretOf, shut } from '../door.ts';
import { findRoute } from '../find-route.ts';
import { ownRules } from '../own.ts';
import { requireSideDoors } from '../require-side-doors.ts';
import type { SideDoor } from '../side-door.ts';

/** `side`: users will come through Haldane's routers, which then know the arms too. */
export type AttachParams = { readonly runId: string; readonly route: string; readonly side?: SideDoor };

/** Opens both doors to who carries their secret, and tells Haldane's routers of the arms where users will come by them. Moves no user. */
export function attachKind({ calls, random, sideDoors }: AwsWorld): ChangeKind<AttachParams, null> {
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
      if (params.side === undefined) return;
      // As the doors are now: whoever opened them before us drew the secret.
      const [secret] = (await doors(params, signal)).flatMap(({ arm, rule }) => (arm === 'control' ? (secretOf(rule) ?? []) : []));
      if (secret === undefined) throw new HaldaneError('unavailable', `the control door of run ${params.runId} is not seen to be open yet`);
      await requireSideDoors(sideDoors, params.route).attach(params.route, params.side, params.runId, secret, signal);
    },
    async revert(params, _before, signal) {
      for (const { rule } of await doors(params, signal))
        if (secretOf(rule) !== null) await calls.balancing.setConditions(rule.arn, shut, signal);
      // Where there are no routers, those that knew the arms were another Haldane's: their leases have ended before anybody else puts back.
      if (params.side !== undefined) await sideDoors?.detach(params.route, params.runId, signal);
    },
    async isReverted(params, _before, signal) {
      const isOff = params.side === undefined || sideDoors === null || (await sideDoors.isDetached(params.route, params.runId, signal));
      return isOff && (await doors(params, signal)).every(({ rule }) => secretOf(rule) === null);
    },
  };
}
