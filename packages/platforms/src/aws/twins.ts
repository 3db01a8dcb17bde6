import { type Change, HaldaneError, type TwinPlane } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { faultWords } from './fault-words.ts';
import type { TwinFaultParams } from './kinds/twin-fault-kind.ts';
import type { TwinParams } from './kinds/twin-kind.ts';
import { twinChangeId, twinName } from './names.ts';
import { ownTwin } from './own.ts';

/** Twins of what stands in the account beside instances and balancer. */
export function awsTwins(calls: AwsCalls): TwinPlane {
  return {
    make({ route }, runId, arm, order) {
      const { word } = calls.twins[order.of];
      const params: TwinParams = { ...order, runId, arm, name: twinName(runId, arm), word, route };
      return {
        id: twinChangeId(arm),
        kind: 'aws.twin',
        params,
        standsOn: [],
        does: `creates ${word} ${params.name}, a twin of ${order.like} for ${arm}, which nothing uses`,
        undo: 'deletes it; without Haldane, haldane sweep --aws does it when the expiry in its tags has passed',
      };
    },
    fault({ route }, runId, arm, { of }, fault): Change {
      const { word } = calls.twins[of];
      const params: TwinFaultParams = { runId, arm, name: twinName(runId, arm), of, word, fault, route };
      return {
        id: `fault:${arm}:${fault.mode}`,
        kind: 'aws.twin-fault',
        params,
        standsOn: [twinChangeId(arm)],
        does: `${faultWords(fault)} at ${word} ${params.name}, and nowhere else`,
        undo: 'takes just that out again; it goes with the twin at the latest',
      };
    },
    async describe(_deployment, runId, arm, { of, like }, signal) {
      const kind = calls.twins[of];
      const [twin, original] = await Promise.all([ownTwin(kind, twinName(runId, arm), runId, signal), kind.original(like, signal)]);
      if (twin === null || original === null) return null;
      return { names: [twin.name, twin.id], differs: [...original.differs, ...(await kind.lacks(twin, original, signal))] };
    },
    async usedBy(runId, arm, { of }, signal) {
      const kind = calls.twins[of];
      const twin = await ownTwin(kind, twinName(runId, arm), runId, signal);
      const behind = twin === null ? null : await kind.behind(twin, signal);
      return twin === null || behind === null ? null : `${kind.word} ${twin.name} (${twin.id}) is in use: ${behind}`;
    },
    async probe({ params }, arm, signal) {
      const { of, runId, fault, word } = params as TwinFaultParams;
      const name = twinName(runId, arm);
      const twin = await ownTwin(calls.twins[of], name, runId, signal);
      if (twin === null) throw new HaldaneError('gone', `there is no ${word} ${name}`);
      const faulted = await calls.twins[of].isOn(twin, fault, signal);
      return { faulted, seen: `${word} ${name} (${twin.id}): what ${faultWords(fault)} is ${faulted ? '' : 'not '}in force` };
    },
  };
}
