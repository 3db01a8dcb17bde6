import {
  type AutoScalingClient,
  type AutoScalingGroup,
  CreateAutoScalingGroupCommand,
  type CreateAutoScalingGroupCommandInput,
  CreateOrUpdateTagsCommand,
  DeleteAutoScalingGroupCommand,
  DescribeAutoScalingGroupsCommand,
  DescribeInstanceRefreshesCommand,
  DescribeLifecycleHooksCommand,
  SuspendProcessesCommand,
} from '@aws-sdk/client-auto-scaling';
import { hasCode, type JsonObject } from '@haldane/core';
import type { Group, Groups } from '../aws-calls.ts';
import { pages } from './pages.ts';
import { asking } from './translate-error.ts';

/** States of a refresh that say that it is over. One that is not known is taken for one that is not. */
const over = ['Successful', 'Failed', 'Cancelled', 'RollbackSuccessful', 'RollbackFailed'];

export function sdkGroups(client: AutoScalingClient): Groups {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('autoscaling', call, signal, made);
  return {
    async group(name, signal) {
      const found = await ask(
        'DescribeAutoScalingGroups',
        signal,
        client.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [name] }), { abortSignal: signal }),
      );
      const group = found.AutoScalingGroups?.[0];
      return group === undefined ? null : groupOf(group);
    },
    async tagged(key, signal) {
      const found = await pages(async (NextToken) => {
        const input = { Filters: [{ Name: 'tag-key', Values: [key] }], ...(NextToken === undefined ? {} : { NextToken }) };
        const page = await ask(
          'DescribeAutoScalingGroups',
          signal,
          client.send(new DescribeAutoScalingGroupsCommand(input), { abortSignal: signal }),
        );
        return { items: page.AutoScalingGroups, next: page.NextToken };
      });
      return found.map(groupOf).filter((group) => group.tags.some((tag) => tag.key === key));
    },
    async addGroup({ name, template, instances, targetGroup, settings, tags }, signal) {
      const input: CreateAutoScalingGroupCommandInput = {
        ...(settings as Partial<CreateAutoScalingGroupCommandInput>),
        AutoScalingGroupName: name,
        LaunchTemplate: { LaunchTemplateId: template.id, Version: template.version },
        MinSize: instances,
        MaxSize: instances,
        DesiredCapacity: instances,
        TargetGroupARNs: [targetGroup],
        Tags: tags.map(({ key, value, atLaunch }) => ({ Key: key, Value: value, PropagateAtLaunch: atLaunch })),
      };
      await ask('CreateAutoScalingGroup', signal, client.send(new CreateAutoScalingGroupCommand(input), { abortSignal: signal }));
    },
    async suspend(name, processes, signal) {
      const input = { AutoScalingGroupName: name, ScalingProcesses: [...processes] };
      await ask('SuspendProcesses', signal, client.send(new SuspendProcessesCommand(input), { abortSignal: signal }));
    },
    async removeGroup(name, signal) {
      try {
        await ask(
          'DeleteAutoScalingGroup',
          signal,
          client.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: name, ForceDelete: true }), { abortSignal: signal }),
        );
      } catch (error) {
        if (!hasCode(error, 'gone')) throw error;
      }
    },
    async setTags(name, tags, signal) {
      const list = Object.entries(tags).map(([Key, Value]) => ({
        ResourceId: name,
        ResourceType: 'auto-scaling-group',
        Key,
        Value,
        PropagateAtLaunch: true,
      }));
      await ask('CreateOrUpdateTags', signal, client.send(new CreateOrUpdateTagsCommand({ Tags: list }), { abortSignal: signal }));
    },
    async refreshing(name, signal) {
      // The newest come first, and those that are under way are among the newest.
      const found = await ask(
        'DescribeInstanceRefreshes',
        signal,
        client.send(new DescribeInstanceRefreshesCommand({ AutoScalingGroupName: name }), { abortSignal: signal }),
      );
      return (found.InstanceRefreshes ?? [])
        .filter(({ Status = '' }) => !over.includes(Status))
        .map(({ InstanceRefreshId: id = 'without a name', Status: status = 'begun', PercentageComplete: done }) =>
          [`instance refresh ${id} of ${name} is ${status}`, ...(done === undefined ? [] : [`${done} % done`])].join(', '),
        );
    },
    async hooks(name, signal) {
      const found = await ask(
        'DescribeLifecycleHooks',
        signal,
        client.send(new DescribeLifecycleHooksCommand({ AutoScalingGroupName: name }), { abortSignal: signal }),
      );
      return (found.LifecycleHooks ?? []).map(({ LifecycleHookName: name = '', LifecycleTransition }) => ({
        name,
        // One that does not say when may be at launch.
        isAtLaunch: LifecycleTransition !== 'autoscaling:EC2_INSTANCE_TERMINATING',
      }));
    },
  };
}

/** What CreateAutoScalingGroup takes of what DescribeAutoScalingGroups says, but for size, template, target groups and tags. */
const settingNames = [
  'VPCZoneIdentifier',
  'HealthCheckType',
  'HealthCheckGracePeriod',
  'DefaultCooldown',
  'DefaultInstanceWarmup',
  'TerminationPolicies',
  'ServiceLinkedRoleARN',
  'PlacementGroup',
  'MaxInstanceLifetime',
  'CapacityRebalance',
] as const satisfies readonly (keyof AutoScalingGroup & keyof CreateAutoScalingGroupCommandInput)[];

function groupOf(group: AutoScalingGroup): Group {
  const { LaunchTemplate: template, Status: status } = group;
  const settings = Object.fromEntries(settingNames.flatMap((name) => (group[name] === undefined ? [] : [[name, group[name]]])));
  return {
    name: group.AutoScalingGroupName ?? '',
    template:
      template?.LaunchTemplateId === undefined
        ? null
        : { id: template.LaunchTemplateId, name: template.LaunchTemplateName ?? '', version: template.Version ?? '$Default' },
    targetGroups: group.TargetGroupARNs ?? [],
    desired: group.DesiredCapacity ?? 0,
    settings: JSON.parse(JSON.stringify(settings)) as JsonObject,
    instances: (group.Instances ?? []).map((one) => ({
      id: one.InstanceId ?? '',
      type: one.InstanceType ?? '',
      isInService: one.LifecycleState === 'InService' && one.HealthStatus === 'Healthy',
      version: one.LaunchTemplate?.Version ?? null,
    })),
    suspended: (group.SuspendedProcesses ?? []).flatMap((one) => one.ProcessName ?? []),
    tags: (group.Tags ?? []).map((tag) => ({ key: tag.Key ?? '', value: tag.Value ?? '', atLaunch: tag.PropagateAtLaunch === true })),
    isLeaving: status !== undefined && status !== '',
  };
}
