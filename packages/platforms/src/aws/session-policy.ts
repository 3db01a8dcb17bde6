import type { Json } from '@haldane/core';
import { armClusterName, targetGroupName } from './names.ts';

/** AWS: an inline session policy has at most so many characters. */
export const mostPolicyCharacters = 2048;

export type PolicyScope = {
  readonly region: string;
  readonly account: string;
  readonly runId: string;
  readonly loadBalancer: string;
  /** What the slice is written into: production's rule, or its listener when that is the default rule; null when it is gone. */
  readonly slicedArn: string | null;
};

/**
 * What a session for this run may do, and nothing else: read, and change what carries this run's name or tag, and the one rule that it
 * slices. It can only narrow the role that it is opened under, never widen it. Rules of the run are told from others by the tag that they
 * are created with, so a session may tag a rule only in creating it.
 */
export function sessionPolicy({ region, account, runId, loadBalancer, slicedArn }: PolicyScope): string {
  const balancing = (resource: string) => `arn:aws:elasticloadbalancing:${region}:${account}:${resource}`;
  const targets = balancing(`targetgroup/${targetGroupName(runId, 'control').replace(/control$/, '*')}`);
  const listeners = balancing(`listener/app/${loadBalancer}/*`);
  const rules = balancing(`listener-rule/app/${loadBalancer}/*`);
  const groups = `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/${armClusterName(runId, 'control').replace(/control$/, '*')}`;
  const ofTheRun = { StringEquals: { 'aws:ResourceTag/haldane:run': runId } };
  const elb = (...calls: readonly string[]) => calls.map((call) => `elasticloadbalancing:${call}`);
  const statements: readonly { readonly [key: string]: Json }[] = [
    {
      Action: ['elasticloadbalancing:Describe*', 'autoscaling:Describe*', 'ec2:DescribeLaunchTemplateVersions', 'ec2:DescribeInstances'],
      Resource: '*',
    },
    { Action: elb('CreateTargetGroup', 'DeleteTargetGroup', 'ModifyTargetGroupAttributes', 'AddTags'), Resource: targets },
    { Action: elb('CreateRule'), Resource: listeners },
    { Action: elb('AddTags'), Resource: rules, Condition: { StringEquals: { 'elasticloadbalancing:CreateAction': 'CreateRule' } } },
    { Action: elb('ModifyRule', 'DeleteRule'), Resource: rules, Condition: ofTheRun },
    ...(slicedArn === null ? [] : [{ Action: elb('ModifyRule', 'ModifyListener'), Resource: slicedArn }]),
    {
      Action: ['CreateAutoScalingGroup', 'DeleteAutoScalingGroup', 'SuspendProcesses', 'CreateOrUpdateTags'].map(
        (call) => `autoscaling:${call}`,
      ),
      Resource: groups,
    },
    // Auto Scaling asks whether its caller could have launched the template itself.
    {
      Action: ['ec2:RunInstances', 'ec2:CreateTags'],
      Resource: '*',
      Condition: { ArnLike: { 'ec2:LaunchTemplate': `arn:aws:ec2:${region}:${account}:launch-template/*` } },
    },
    { Action: 'iam:PassRole', Resource: '*', Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } } },
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) });
}
