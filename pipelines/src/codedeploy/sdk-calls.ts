import {
  BatchGetDeploymentsCommand,
  CodeDeployClient,
  type DeploymentInfo,
  DeploymentStatus,
  GetDeploymentGroupCommand,
  ListDeploymentsCommand,
  type RevisionLocation,
} from '@aws-sdk/client-codedeploy';
import { HaldaneError } from '@haldane/core';
import type { CodeDeployCalls, GroupDeployment, Revision } from './codedeploy-calls.ts';
import type { CodeDeploySettings } from './codedeploy-settings.ts';
import { isOver } from './is-over.ts';
import { asking } from './translate-error.ts';

export type Connection = {
  readonly region: string;
  /** In place of AWS's own address: a private endpoint, or a test's. */
  readonly endpoint?: string;
  /** How long one answer may take, in milliseconds. */
  readonly answerWithinMs: number;
};

/** What the SDK knows to be under way; what AWS has invented since is found among the deployments that are newer than the last success. */
const open = Object.values(DeploymentStatus).filter((status) => !isOver(status));

/** Through the AWS SDK, with the credentials that it finds by itself (environment, profile, instance role). What may pass is tried three times. */
export function sdkCalls(
  { application: applicationName, deploymentGroup: deploymentGroupName }: CodeDeploySettings,
  { region, endpoint, answerWithinMs }: Connection,
): CodeDeployCalls {
  const client = new CodeDeployClient({
    region,
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: answerWithinMs, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  const of = { applicationName, deploymentGroupName };
  return {
    async group(signal) {
      const call = 'GetDeploymentGroup';
      const { deploymentGroupInfo: info } = await asking(
        call,
        signal,
        client.send(new GetDeploymentGroupCommand(of), { abortSignal: signal }),
      );
      const { lastSuccessfulDeployment: last, autoScalingGroups, deploymentStyle } = told(info, call, 'deploymentGroupInfo');
      return {
        lastSuccess: last?.deploymentId ?? null,
        autoScalingGroups: (autoScalingGroups ?? []).flatMap(({ name }) => name ?? []),
        isBlueGreen: deploymentStyle?.deploymentType === 'BLUE_GREEN',
      };
    },
    async deployments(which, page, signal) {
      const call = 'ListDeployments';
      const chosen = which === 'open' ? { includeOnlyStatuses: open } : { createTimeRange: { start: new Date(which.since) } };
      const input = { ...of, ...chosen, ...(page === null ? {} : { nextToken: page }) };
      const found = await asking(call, signal, client.send(new ListDeploymentsCommand(input), { abortSignal: signal }));
      return { ids: told(found.deployments, call, 'deployments'), next: found.nextToken || null };
    },
    async details(deploymentIds, signal) {
      const call = 'BatchGetDeployments';
      const command = new BatchGetDeploymentsCommand({ deploymentIds: [...deploymentIds] });
      const { deploymentsInfo } = await asking(call, signal, client.send(command, { abortSignal: signal }));
      return told(deploymentsInfo, call, 'deploymentsInfo').map((info) => deploymentOf(info, call));
    },
  };
}

/** What is not told is no answer. */
function told<T>(value: T | undefined | null, call: string, field: string): T {
  if (value !== undefined && value !== null) return value;
  throw new HaldaneError('unavailable', `AWS codedeploy ${call} answered in a form that is not known here, at "${field}"`);
}

function deploymentOf(info: DeploymentInfo, call: string): GroupDeployment {
  const { deploymentOverview: counts, creator, description, completeTime, instanceTerminationWaitTimeStarted } = info;
  return {
    id: told(info.deploymentId, call, 'deploymentId'),
    status: told(info.status, call, 'status'),
    creator: creator ?? null,
    revision: revisionOf(told(info.revision, call, 'revision'), call),
    description: description || null,
    createdAt: told(info.createTime, call, 'createTime').getTime(),
    completedAt: completeTime?.getTime() ?? null,
    touched: counts === undefined ? null : (counts.InProgress ?? 0) + (counts.Succeeded ?? 0) + (counts.Failed ?? 0) + (counts.Ready ?? 0),
    isEndingOld: instanceTerminationWaitTimeStarted === true,
  };
}

function revisionOf({ revisionType, gitHubLocation, s3Location, appSpecContent, string }: RevisionLocation, call: string): Revision {
  if (gitHubLocation !== undefined)
    return {
      from: 'GitHub',
      repository: gitHubLocation.repository ?? '',
      commit: told(gitHubLocation.commitId, call, 'revision.gitHubLocation.commitId'),
    };
  if (s3Location !== undefined)
    return {
      from: 'S3',
      bucket: told(s3Location.bucket, call, 'revision.s3Location.bucket'),
      key: told(s3Location.key, call, 'revision.s3Location.key'),
      version: s3Location.version || null,
      etag: s3Location.eTag?.replaceAll('"', '') || null,
    };
  return { from: 'other', type: revisionType ?? 'unknown', digest: (appSpecContent ?? string)?.sha256 ?? null };
}
