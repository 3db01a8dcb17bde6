import { isDeepStrictEqual } from 'node:util';
import { type Arm, type ChangeKind, HaldaneError, type JsonObject, type TwinFault, type TwinOf } from '@haldane/core';
import type { Twin } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { ownTwin } from '../own.ts';

export type TwinFaultParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly name: string;
  readonly of: TwinOf;
  readonly word: string;
  readonly fault: TwinFault;
  readonly route: string;
};

/**
 * The harmful change, at a twin that carries the run's name and tag and that nothing stands behind: looked at before it is made, each time.
 * On the way back only what was written is taken out; what somebody else has set at the twin meanwhile stays, until the twin itself goes.
 */
export function twinFaultKind({ calls }: AwsWorld): ChangeKind<TwinFaultParams, JsonObject> {
  const required = async ({ of, name, word, runId }: TwinFaultParams, signal: AbortSignal): Promise<Twin> => {
    const own = await ownTwin(calls.twins[of], name, runId, signal);
    if (own === null) throw new HaldaneError('gone', `the ${word} ${name} of run ${runId} is not there`);
    const behind = await calls.twins[of].behind(own, signal);
    if (behind !== null)
      throw new HaldaneError('refused', `the ${word} ${name} is in use (${behind}): it is harmed only while nothing stands behind it`);
    return own;
  };
  return {
    kind: 'aws.twin-fault',
    async capture(params, signal) {
      const twin = await required(params, signal);
      const hindrance = await calls.twins[params.of].hinders(params.fault, params.runId, signal);
      if (hindrance !== null) throw new HaldaneError('refused', hindrance);
      return calls.twins[params.of].before(twin, params.fault, signal);
    },
    async apply(params, before, signal) {
      const kind = calls.twins[params.of];
      const twin = await required(params, signal);
      if (await kind.isOn(twin, params.fault, signal)) return;
      await kind.put(twin, params.fault, signal);
      if (await kind.isOn(twin, params.fault, signal)) return;
      // What is read may be a little old: then it is what stood there before, and the next try looks again.
      if (isDeepStrictEqual(await kind.before(twin, params.fault, signal), before))
        throw new HaldaneError('unavailable', `what was written into the ${params.word} ${params.name} is not seen yet`);
      if (!(await kind.isOn(twin, params.fault, signal)))
        throw new HaldaneError('conflict', `the ${params.word} ${params.name} does not hold what was written into it`);
    },
    async revert({ of, name, runId, fault }, before, signal) {
      const own = await ownTwin(calls.twins[of], name, runId, signal);
      if (own !== null && !(await calls.twins[of].isBack(own, fault, before, signal)))
        await calls.twins[of].take(own, fault, before, signal);
    },
    async isReverted({ of, name, runId, fault }, before, signal) {
      const own = await ownTwin(calls.twins[of], name, runId, signal);
      return own === null || calls.twins[of].isBack(own, fault, before, signal);
    },
    async superseded({ of, name, word, runId, fault }, before, signal) {
      const own = await ownTwin(calls.twins[of], name, runId, signal);
      const theirs = own === null ? null : await calls.twins[of].superseded(own, fault, before, signal);
      return theirs === null ? null : `the ${word} ${name}: ${theirs}`;
    },
  };
}
