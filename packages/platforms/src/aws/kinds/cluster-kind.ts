import { type Arm, type ChangeKind, HaldaneError } from '@haldane/core';
import type { Group, NewGroup } from '../aws-calls.ts';
import type { AwsWorld } from '../aws-world.ts';
import { ourTags, tagNames } from '../our-tags.ts';
import { findOrMake, ownGroup, ownTargetGroup, ownTemplate } from '../own.ts';
import { revisionOf } from '../revision.ts';

export type ClusterParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly cluster: string;
  /** Production's group, which the arm is made like. */
  readonly source: string;
  /** Its launch template and the version of it that the arm is pinned to. */
  readonly revision: string;
  readonly targetGroup: string;
  /** The run's own launch template with a sidecar; absent: production's is used as it is. */
  readonly template?: string;
  readonly route: string;
  readonly instances: number;
};

/** What would make two arms unequal while they are compared. */
const suspended = ['AZRebalance', 'AlarmNotification', 'ScheduledActions', 'InstanceRefresh'];

/**
 * An arm's Auto Scaling group. Its instances come from production's template version, subnets and role, and register with the arm's own
 * target group only. Applied when the group stands; whether its targets are healthy is asked of `describe`.
 */
export function clusterKind({ calls, expiresFor }: AwsWorld): ChangeKind<ClusterParams, null> {
  return {
    kind: 'aws.cluster',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      const { cluster, runId, arm, instances } = params;
      const own = await findOrMake(
        `the Auto Scaling group ${cluster}`,
        () => ownGroup(calls, cluster, runId, signal),
        async () => {
          const production = await asPlanned(params, signal);
          const targets = await ownTargetGroup(calls, params.targetGroup, runId, signal);
          if (targets === null) throw new HaldaneError('gone', `the target group ${params.targetGroup} of run ${runId} is not there`);
          const template = await templateOf(params, production, signal);
          const own = { ...ourTags(runId, arm, expiresFor(runId)), ...(params.template && { [tagNames.revision]: params.revision }) };
          const tags = Object.entries(own).map(([key, value]) => ({ key, value, atLaunch: true }));
          await calls.groups.addGroup(
            {
              name: cluster,
              template,
              instances,
              targetGroup: targets.arn,
              settings: production.settings,
              tags: [...production.tags.filter((tag) => !tag.key.startsWith('aws:')), ...tags],
            },
            signal,
          );
        },
      );
      if (own.isLeaving) throw new HaldaneError('conflict', `the Auto Scaling group ${cluster} is being deleted`);
      const missing = suspended.filter((process) => !own.suspended.includes(process));
      if (missing.length > 0) await calls.groups.suspend(cluster, missing, signal);
    },
    async revert({ cluster, runId }, _before, signal) {
      const own = await ownGroup(calls, cluster, runId, signal);
      if (own !== null && !own.isLeaving) await calls.groups.removeGroup(cluster, signal);
    },
    // A group that is being deleted is listed until its last instance is gone.
    isReverted: async ({ cluster, runId }, _before, signal) => (await ownGroup(calls, cluster, runId, signal)) === null,
  };

  async function templateOf(
    { template, runId }: ClusterParams,
    production: Awaited<ReturnType<typeof asPlanned>>,
    signal: AbortSignal,
  ): Promise<NewGroup['template']> {
    if (template === undefined) return { id: production.template.id, version: production.version };
    const own = await ownTemplate(calls, template, runId, signal);
    if (own === null) throw new HaldaneError('gone', `the launch template ${template} of run ${runId} is not there`);
    return { id: own.id, version: '1' };
  }

  async function asPlanned({ source, revision }: ClusterParams, signal: AbortSignal) {
    const production: Group | null = await calls.groups.group(source, signal);
    if (production === null) throw new HaldaneError('gone', `the Auto Scaling group ${source} is not there`);
    const live = await revisionOf(calls, production, signal);
    if (live?.revision !== revision || production.template === null)
      throw new HaldaneError(
        'conflict',
        `production ${source} is at ${live?.revision ?? 'no template version'} now, not at ${revision} as planned: plan again`,
      );
    return { ...production, template: production.template, version: live.version };
  }
}
