import { CloudTrailClient, CreateTrailCommand, StartLoggingCommand } from '@aws-sdk/client-cloudtrail';
import { AuthorizeSecurityGroupIngressCommand, CreateSecurityGroupCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { TwinOf } from '@haldane/core';
import { type AwsConnection, clientConfig } from '../sdk/connect.ts';
import { policyWith } from '../sdk/policy.ts';
import { listOf } from '../sdk/templates.ts';
import { twinScenarios } from './service-stand.ts';

type Make = (mark: string, connection: AwsConnection, VpcId: string | undefined) => Promise<void>;

const tagsOf = (of: TwinOf) => listOf({ team: 'payments', 'haldane:opt-in': twinScenarios[of].join(' ') });

/** What the service has beside its instances, made by the SDK's own calls and opted in by its owner. */
export const originals: Readonly<Record<TwinOf, Make>> = {
  async firewall(mark, connection, VpcId) {
    const client = new EC2Client(clientConfig(connection));
    const TagSpecifications = [{ ResourceType: 'security-group' as const, Tags: tagsOf('firewall') }];
    const { GroupId } = await client.send(
      new CreateSecurityGroupCommand({ GroupName: `${mark}-firewall`, Description: 'what may reach payments', VpcId, TagSpecifications }),
    );
    const IpPermissions = [
      {
        IpProtocol: 'tcp',
        FromPort: 443,
        ToPort: 443,
        IpRanges: [{ CidrIp: '10.0.0.0/8', Description: 'the balancer' }, { CidrIp: '10.9.0.0/16' }],
      },
    ];
    await client.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions }));
    client.destroy();
  },
  async bucket(mark, connection) {
    await bucket(`${mark}-bucket`, connection, tagsOf('bucket'), 'payments.csv');
  },
  async role(mark, connection) {
    const client = new IAMClient(clientConfig(connection));
    const RoleName = `${mark}-role`;
    const AssumeRolePolicyDocument = JSON.stringify(
      policyWith({ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }),
    );
    await client.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Tags: tagsOf('role') }));
    const PolicyDocument = JSON.stringify(
      policyWith({ Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${mark}-bucket/*` }),
    );
    await client.send(new PutRolePolicyCommand({ RoleName, PolicyName: 'reads', PolicyDocument }));
    client.destroy();
  },
  async trail(mark, connection) {
    await bucket(`${mark}-kept`, connection, [], 'AWSLogs/1');
    const client = new CloudTrailClient(clientConfig(connection));
    await client.send(new CreateTrailCommand({ Name: `${mark}-trail`, S3BucketName: `${mark}-kept`, TagsList: tagsOf('trail') }));
    await client.send(new StartLoggingCommand({ Name: `${mark}-trail` }));
    client.destroy();
  },
};

async function bucket(Bucket: string, connection: AwsConnection, Tags: { Key: string; Value: string }[], Key: string): Promise<void> {
  const client = new S3Client({ ...clientConfig(connection), forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1', Tags } }));
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'theirs' }));
  client.destroy();
}
