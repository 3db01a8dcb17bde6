import { arms, type TwinOf } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';
import { armClusterName, targetGroupName, templateName } from './names.ts';
import { ownGroup, ownTargetGroup, ownTemplate, ownTwins } from './own.ts';

/**
 * What of a run is still there, in words. Target groups are deleted last, and AWS refuses that while any rule leads to them: once they are
 * gone, no rule and no slice of the run can be left.
 */
export async function awsLeftovers(
  calls: AwsCalls,
  runId: string,
  signal: AbortSignal,
  twinOf?: TwinOf | null,
): Promise<readonly string[]> {
  const found = await Promise.all(
    arms.map(async (arm) => {
      const [group, targets, template, twins] = await Promise.all([
        ownGroup(calls, armClusterName(runId, arm), runId, signal),
        ownTargetGroup(calls, targetGroupName(runId, arm), runId, signal),
        ownTemplate(calls, templateName(runId, arm), runId, signal),
        ownTwins(calls, runId, arm, signal, twinOf),
      ]);
      return [
        ...(group === null ? [] : [`Auto Scaling group ${group.name} with ${group.instances.length} instances`]),
        ...(targets === null ? [] : [`target group ${targets.name}, and whatever rules lead to it`]),
        ...(template === null ? [] : [`launch template ${template.name}`]),
        ...twins.map(({ kind, twin }) => `${kind.word} ${twin.name}`),
      ];
    }),
  );
  return found.flat();
}
