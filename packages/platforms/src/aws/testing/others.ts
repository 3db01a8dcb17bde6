import {
  CloudTrailClient,
  GetEventSelectorsCommand,
  PutEventSelectorsCommand,
  type PutEventSelectorsCommandInput,
} from '@aws-sdk/client-cloudtrail';
import { AuthorizeSecurityGroupIngressCommand, DescribeSecurityGroupsCommand, EC2Client } from '@aws-sdk/client-ec2';
import {
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import type { JsonObject, TwinFault, TwinOf } from '@haldane/core';
import { type AwsConnection, clientConfig } from '../sdk/connect.ts';
import { policyOf, policyWith } from '../sdk/policy.ts';

/** What somebody else does at what stands beside the instances, be it the service's own or a run's. */
export interface Others {
  /** Adds to it: a rule, a statement in the policy, a policy; and what a trail records is another. */
  add(of: TwinOf, name: string): Promise<void>;
  /** Writes over what this fault wrote into it, where that can hold something else: a policy of that name. */
  replace(of: TwinOf, name: string, fault: TwinFault): Promise<void>;
  /** What of it the platform's own calls do not tell; null where there is nothing more. */
  look(of: TwinOf, name: string): Promise<JsonObject | null>;
}

/** Theirs, in the SDK's own calls. */
export function sdkOthers(connection: AwsConnection): Others & { close(): void } {
  const ec2 = new EC2Client(clientConfig(connection));
  const storage = new S3Client({ ...clientConfig(connection), forcePathStyle: true });
  const rights = new IAMClient(clientConfig(connection));
  const trails = new CloudTrailClient(clientConfig(connection));
  const write = (RoleName: string, PolicyName: string) => {
    const theirs = policyWith({ Effect: 'Allow', Action: 's3:ListBucket', Resource: 'arn:aws:s3:::theirs' });
    return rights.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(theirs) }));
  };
  const adding: Readonly<Record<TwinOf, (name: string) => Promise<unknown>>> = {
    async firewall(name) {
      const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ Filters: [{ Name: 'group-name', Values: [name] }] }));
      const rule = { IpProtocol: 'tcp', FromPort: 8443, ToPort: 8443, IpRanges: [{ CidrIp: '203.0.113.0/24', Description: 'theirs' }] };
      await ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupId: SecurityGroups?.[0]?.GroupId, IpPermissions: [rule] }));
    },
    async bucket(Bucket) {
      const there = await storage.send(new GetBucketPolicyCommand({ Bucket })).then(
        ({ Policy }) => policyOf(Policy),
        (error: Error) => {
          if (error.name !== 'NoSuchBucketPolicy') throw error;
          return policyWith();
        },
      );
      // Nothing that a run does: it could not be put back against it.
      const theirs = { Sid: 'Theirs', Effect: 'Deny', Principal: '*', Action: 's3:GetObjectTorrent', Resource: `arn:aws:s3:::${Bucket}/*` };
      const Policy = JSON.stringify({ ...there, Id: 'theirs', Statement: [...there.Statement, theirs] });
      await storage.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    },
    role: (name) => write(name, 'theirs'),
    trail: (TrailName) => trails.send(new PutEventSelectorsCommand({ TrailName, AdvancedEventSelectors: everyCall })),
  };
  return {
    add: async (of, name) => void (await adding[of](name)),
    async replace(of, name, fault) {
      if (fault.mode !== 'colliding-right') throw new Error(`nothing of a ${of} can stand in the place of ${fault.mode}`);
      await write(name, `haldane-${fault.effect}`);
    },
    async look(of, name) {
      if (of === 'role') return policiesOf(rights, name);
      if (of !== 'trail') return null;
      return trails.send(new GetEventSelectorsCommand({ TrailName: name })).then(
        ({ EventSelectors = [], AdvancedEventSelectors = [] }) => ({
          selectors: [...EventSelectors, ...AdvancedEventSelectors].map(plain),
        }),
        // A trail is a bucket first.
        () => null,
      );
    },
    close() {
      for (const client of [ec2, storage, rights, trails]) client.destroy();
    },
  };
}

const everyCall: PutEventSelectorsCommandInput['AdvancedEventSelectors'] = [
  { Name: 'every call', FieldSelectors: [{ Field: 'eventCategory', Equals: ['Management'] }] },
];

async function policiesOf(rights: IAMClient, RoleName: string): Promise<JsonObject> {
  const { PolicyNames = [] } = await rights.send(new ListRolePoliciesCommand({ RoleName }));
  const { AttachedPolicies = [] } = await rights.send(new ListAttachedRolePoliciesCommand({ RoleName }));
  const written = PolicyNames.sort().map(async (PolicyName) => {
    const { PolicyDocument } = await rights.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
    return [PolicyName, plain(policyOf(PolicyDocument))] as const;
  });
  return {
    written: Object.fromEntries(await Promise.all(written)),
    attached: AttachedPolicies.map(({ PolicyArn = '' }) => PolicyArn).sort(),
  };
}

const plain = (told: object): JsonObject => JSON.parse(JSON.stringify(told)) as JsonObject;
