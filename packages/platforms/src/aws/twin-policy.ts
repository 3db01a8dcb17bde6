import type { TwinOf } from '@haldane/core';
import { denyingBoundary, twinPath } from './names.ts';

type Statement = {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: object;
};

/**
 * What a session of a run that makes twins of one kind may do, and nothing else: read, create what carries its name and tag from the first moment, and
 * change and delete that. It can touch nothing that was there before the run.
 */
export function twinPolicy(of: TwinOf, runId: string): string {
  const statements = allowed[of](runId);
  return JSON.stringify({ Version: '2012-10-17', Statement: statements.map((one) => ({ Effect: 'Allow', ...one })) });
}

const allowed: Readonly<Record<TwinOf, (runId: string) => readonly Statement[]>> = {
  firewall(runId) {
    const groups = 'arn:aws:ec2:*:*:security-group/*';
    return [
      { Action: ['ec2:DescribeSecurityGroups', 'ec2:DescribeNetworkInterfaces'], Resource: '*' },
      // Made with its tag, or not at all: what is asked of the group is not asked of the network that it is made in.
      { Action: 'ec2:CreateSecurityGroup', Resource: groups, Condition: { StringEquals: { 'aws:RequestTag/haldane:run': runId } } },
      { Action: 'ec2:CreateSecurityGroup', Resource: 'arn:aws:ec2:*:*:vpc/*' },
      { Action: 'ec2:CreateTags', Resource: groups, Condition: { StringEquals: { 'ec2:CreateAction': 'CreateSecurityGroup' } } },
      {
        Action: ['ec2:AuthorizeSecurityGroupIngress', 'ec2:RevokeSecurityGroupIngress', 'ec2:DeleteSecurityGroup'],
        Resource: groups,
        Condition: { StringEquals: { 'aws:ResourceTag/haldane:run': runId } },
      },
    ];
  },
  bucket: (runId) => [
    { Action: ['s3:ListAllMyBuckets', 's3:GetAccountPublicAccessBlock'], Resource: '*' },
    { Action: ['s3:GetBucketTagging', 's3:GetBucketPolicy', 's3:GetBucketPublicAccessBlock'], Resource: 'arn:aws:s3:::*' },
    ownBuckets(runId),
  ],
  role(runId) {
    const role = `arn:aws:iam::*:role${twinPath}haldane-${runId}-*`;
    const acts = ['CreateRole', 'AttachRolePolicy', 'DetachRolePolicy', 'PutRolePolicy', 'DeleteRolePolicy'].map((call) => `iam:${call}`);
    return [
      { Action: ['iam:GetRole*', 'iam:GetPolicy', 'iam:ListRolePolicies', 'iam:ListAttachedRolePolicies'], Resource: '*' },
      { Action: 'iam:ListInstanceProfilesForRole', Resource: '*' },
      // None without the boundary that leaves it no right.
      { Action: acts, Resource: role, Condition: { StringEquals: { 'iam:PermissionsBoundary': denyingBoundary } } },
      { Action: ['iam:TagRole', 'iam:DeleteRole'], Resource: role },
      {
        Action: ['iam:CreatePolicy', 'iam:TagPolicy', 'iam:DeletePolicy'],
        Resource: `arn:aws:iam::*:policy${twinPath}haldane-${runId}-*`,
      },
    ];
  },
  trail: (runId) => [
    { Action: ['cloudtrail:DescribeTrails', 'cloudtrail:Get*', 'cloudtrail:ListTags'], Resource: '*' },
    {
      Action: ['CreateTrail', 'AddTags', 'PutEventSelectors', 'StartLogging', 'StopLogging', 'UpdateTrail', 'DeleteTrail'].map(
        (call) => `cloudtrail:${call}`,
      ),
      Resource: `arn:aws:cloudtrail:*:*:trail/haldane-${runId}-*`,
    },
    { Action: 's3:ListAllMyBuckets', Resource: '*' },
    ownBuckets(runId),
  ],
};

/** Buckets are told by their names: S3 does not know their tags where rights are asked for. */
function ownBuckets(runId: string): Statement {
  const acts = [
    'CreateBucket',
    'DeleteBucket',
    'TagResource',
    'GetBucket*',
    'PutBucket*',
    'DeleteBucketPolicy',
    'ListBucket',
    'PutObject',
    'DeleteObject',
  ];
  const own = `arn:aws:s3:::haldane-${runId}-*`;
  return { Action: acts.map((call) => `s3:${call}`), Resource: [own, `${own}/*`] };
}
