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
 * slices. It can only narrow the role that it is opened under, never widen it. Rules and templates of the run are told from others by the
 * tag that they are created with, so a session may tag one only in creating it.
 */
export function sessionPolicy({ region, account, runId, loadBalancer, slicedArn }: PolicyScope): string {
  const balancing = (resource: string) => `arn:aws:elasticloadbalancing:${region}:${account}:${resource}`;
  const targets = balancing(`targetgroup/${targetGroupName(runId, 'control').replace(/control$/, '*')}`);
  const listeners = balancing(`listener/app/${loadBalancer}/*`);
  const rules = balancing(`listener-rule/app/${loadBalancer}/*`);
  const groups = `arn:aws:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/${armClusterName(runId, 'control').replace(/control$/, '*')}`;
  const templates = 'arn:aws:ec2:*:*:launch-template/*';
  const elb = (...calls: readonly string[]) => calls.map((call) => `elasticloadbalancing:${call}`);
  // An action counts only with resources of its own service, so statements are shared where nothing else follows: AWS counts characters.
  const statements: readonly { readonly [key: string]: Json }[] = [
    {
      Action: ['elasticloadbalancing:Describe*', 'autoscaling:Describe*', 'ec2:DescribeLaunchTemplate*', 'ec2:DescribeInstances'],
      Resource: '*',
    },
    {
      Action: [
        ...elb('*TargetGroup*', 'AddTags'),
        ...['*AutoScalingGroup', 'Suspend*', 'CreateOrUpdateTags'].map((call) => `autoscaling:${call}`),
      ],
      Resource: [targets, groups],
    },
    { Action: [...elb('CreateRule'), 'ec2:CreateLaunchTemplate'], Resource: [listeners, templates] },
    { Action: elb('AddTags'), Resource: rules, Condition: { StringEquals: { 'elasticloadbalancing:CreateAction': 'CreateRule' } } },
    { Action: 'ec2:CreateTags', Resource: templates, Condition: { StringEquals: { 'ec2:CreateAction': 'CreateLaunchTemplate' } } },
    {
      Action: [...elb('*Rule'), 'ec2:DeleteLaunchTemplate'],
      Resource: '*',
      Condition: { StringEquals: { 'aws:ResourceTag/haldane:run': runId } },
    },
    ...(slicedArn === null ? [] : [{ Action: elb('ModifyRule', 'ModifyListener'), Resource: slicedArn }]),
    // Auto Scaling asks whether its caller could have launched the template itself.
    { Action: ['ec2:RunInstances', 'ec2:CreateTags'], Resource: '*', Condition: { ArnLike: { 'ec2:LaunchTemplate': templates } } },
    { Action: 'iam:PassRole', Resource: '*', Condition: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } } },
  ];
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) });
}
