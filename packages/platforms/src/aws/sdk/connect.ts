import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { EC2Client } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsCalls } from '../aws-calls.ts';
import { sdkGroups } from './groups.ts';
import { sdkLoadBalancing } from './load-balancing.ts';
import { securityGroups } from './security-groups.ts';
import { sdkTemplates } from './templates.ts';

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
  return {
    balancing: sdkLoadBalancing(balancing),
    groups: sdkGroups(groups),
    templates: sdkTemplates(templates),
    twins: { firewall: securityGroups(templates) },
    close() {
      for (const client of [balancing, groups, templates]) client.destroy();
    },
  };
}
