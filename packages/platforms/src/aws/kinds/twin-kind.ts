import { type Arm, type ChangeKind, HaldaneError, type TwinOrder } from '@haldane/core';
import type { AwsWorld } from '../aws-world.ts';
import { isOptedIn, ourTags, tagNames } from '../our-tags.ts';
import { findOrMake, ownTwin } from '../own.ts';

export type TwinParams = TwinOrder & {
  readonly runId: string;
  readonly arm: Arm;
  readonly name: string;
  /** What such a resource is called in this account, for whoever has to find it. */
  readonly word: string;
  readonly route: string;
};

/**
 * An arm's twin of a resource of the service's, which is read and never written. What its owner opted in is looked at again, just before.
 * It carries the run's tags and none of the service's: whoever chooses by those would put it to use.
 */
export function twinKind({ calls, expiresFor }: AwsWorld): ChangeKind<TwinParams, null> {
  return {
    kind: 'aws.twin',
    capture: () => Promise.resolve(null),
    async apply({ of, like, name, word, scenario, runId, arm }, _before, signal) {
      const kind = calls.twins[of];
      const original = await kind.original(like, signal);
      if (original === null) throw new HaldaneError('gone', `the ${word} ${like}, which it is to be like, is not there`);
      if (!isOptedIn(original.tags, scenario))
        throw new HaldaneError('refused', `the ${word} ${like} is not opted in to ${scenario} any more: its tag ${tagNames.optIn} says so`);
      const twin = await findOrMake(
        `the ${word} ${name}`,
        () => ownTwin(kind, name, runId, signal),
        () => kind.add(name, original, ourTags(runId, arm, expiresFor(runId)), signal),
      );
      if ((await kind.lacks(twin, original, signal)).length > 0) await kind.equip(twin, original, signal);
    },
    async revert({ of, name, runId }, _before, signal) {
      const own = await ownTwin(calls.twins[of], name, runId, signal);
      if (own !== null) await calls.twins[of].remove(own, signal);
    },
    isReverted: async ({ of, name, runId }, _before, signal) => (await ownTwin(calls.twins[of], name, runId, signal)) === null,
  };
}
