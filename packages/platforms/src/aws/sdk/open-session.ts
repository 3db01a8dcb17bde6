import { DescribeVpcsCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { HaldaneError } from '@haldane/core';
import type { OpenSession } from '../run-sessions.ts';
import { type AwsConnection, clientConfig, sdkCalls } from './connect.ts';
import { asking } from './translate-error.ts';

/** Sessions under `role`, in the account that the connection's own credentials belong to. */
export async function sdkSessions(connection: AwsConnection, role: string, signal: AbortSignal): Promise<OpenSession> {
  const sts = new STSClient(clientConfig(connection));
  const { Account: account = '' } = await asking(
    'sts',
    'GetCallerIdentity',
    signal,
    sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal }),
  );
  return {
    region: connection.region,
    account,
    async open(runId, Policy, signal) {
      const input = { RoleArn: role, RoleSessionName: `haldane-${runId}`.slice(0, 64), Policy, DurationSeconds: 3600 };
      const { Credentials: given } = await asking(
        'sts',
        `AssumeRole ${role}`,
        signal,
        sts.send(new AssumeRoleCommand(input), { abortSignal: signal }),
      );
      if (given?.AccessKeyId === undefined || given.SecretAccessKey === undefined || given.SessionToken === undefined)
        throw new HaldaneError('denied', `AWS sts AssumeRole ${role}: it gave no credentials`);
      const credentials = { accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey, sessionToken: given.SessionToken };
      const own: AwsConnection = { ...connection, credentials };
      return {
        calls: sdkCalls(own),
        expiresAt: given.Expiration?.getTime() ?? 0,
        trespass: (signal) => trespass(own, signal),
      };
    },
  };
}

/** One call that only reads, and one that would launch something if it were not a dry run: a policy that is in force refuses both. */
async function trespass(connection: AwsConnection, signal: AbortSignal): Promise<readonly string[]> {
  const client = new EC2Client(clientConfig(connection));
  const abort = { abortSignal: signal };
  const dryRun = new RunInstancesCommand({ DryRun: true, ImageId: 'ami-00000000', InstanceType: 't3.micro', MinCount: 1, MaxCount: 1 });
  const trials = [
    { name: 'ec2:DescribeVpcs', made: () => client.send(new DescribeVpcsCommand({ MaxResults: 5 }), abort) as Promise<unknown> },
    { name: 'ec2:RunInstances without a launch template', made: () => client.send(dryRun, abort) as Promise<unknown> },
  ];
  const allowed: string[] = [];
  try {
    for (const { name, made } of trials) if (await isAllowed(made(), name, signal)) allowed.push(name);
  } finally {
    client.destroy();
  }
  return allowed;
}

/** Only a plain refusal counts as one: a call that failed otherwise shows nothing, so it is thrown. */
async function isAllowed(made: Promise<unknown>, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await asking('ec2', name, signal, made);
    return true;
  } catch (error) {
    if (!(error instanceof HaldaneError)) throw error;
    if (error.code === 'denied') return false;
    // What a dry run answers when the call would have been made, or would have failed only for what it asks for.
    if (/DryRunOperation|InvalidAMI/.test(error.message)) return true;
    throw error;
  }
}
