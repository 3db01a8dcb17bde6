import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { IAMClient } from '@aws-sdk/client-iam';
import { S3Client } from '@aws-sdk/client-s3';
import { S3ControlClient } from '@aws-sdk/client-s3-control';
import { STSClient } from '@aws-sdk/client-sts';
import type { AwsCalls } from '../aws-calls.ts';
import { sdkBuckets } from './buckets.ts';
import { sdkGroups } from './groups.ts';
import { sdkLoadBalancing } from './load-balancing.ts';
import { ownBuckets } from './own-buckets.ts';
import { sdkRoles } from './roles.ts';
import { securityGroups } from './security-groups.ts';
import { sdkTemplates } from './templates.ts';
import { sdkTrails } from './trails.ts';

export type AwsCredentials = { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };

export type AwsConnection = {
  readonly region: string;
  /** In place of AWS's own addresses: a private endpoint, or a test's. */
  readonly endpoint?: string;
  /** The machine's own (environment, profile, instance role) when they are not given. */
  readonly credentials?: AwsCredentials;
  /** Tries of one call, throttled or not answered, with the SDK's own growing pauses. Default 3. */
  readonly tries?: number;
};

/**
 * What every client of the SDK is made with. A call that is not answered ends: by itself the SDK waits for ever, and of `requestTimeout` alone
 * it makes a warning.
 */
export function clientConfig({ region, endpoint, credentials, tries = 3 }: AwsConnection) {
  return {
    region,
    maxAttempts: tries,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

/** The calls of one account and region through the AWS SDK. */
export function sdkCalls(connection: AwsConnection): AwsCalls & { close(): void } {
  const config = clientConfig(connection);
  const balancing = new ElasticLoadBalancingV2Client(config);
  const groups = new AutoScalingClient(config);
  const templates = new EC2Client(config);
  // A bucket's name, and an account's number, go into the address's path where the address is not AWS's own.
  const { endpoint } = connection;
  const storage = new S3Client({ ...config, ...(endpoint === undefined ? {} : { forcePathStyle: true }) });
  const accounts = new S3ControlClient({
    ...config,
    ...(endpoint === undefined ? {} : { endpointProvider: () => ({ url: new URL(endpoint) }) }),
  });
  const callers = new STSClient(config);
  const rights = new IAMClient(config);
  const trails = new CloudTrailClient(config);
  const buckets = ownBuckets(storage, connection.region);
  return {
    balancing: sdkLoadBalancing(balancing),
    groups: sdkGroups(groups),
    templates: sdkTemplates(templates),
    twins: {
      firewall: securityGroups(templates),
      bucket: sdkBuckets(buckets, accounts, callers),
      role: sdkRoles(rights),
      trail: sdkTrails(trails, buckets),
    },
    close() {
      for (const client of [balancing, groups, templates, storage, accounts, callers, rights, trails]) client.destroy();
    },
  };
}
