import { CloudWatchClient, GetMetricDataCommand, type GetMetricDataCommandInput } from '@aws-sdk/client-cloudwatch';
import { type ErrorCode, HaldaneError } from '@haldane/core';
import type { ReadPage } from './ask-cloudwatch.ts';

export type CloudWatchConnection = {
  readonly region: string;
  /** In place of AWS's own address: a private endpoint, or a test's. */
  readonly endpoint?: string;
  /** The machine's own (environment, profile, instance role) when they are not given. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Tries of one call, throttled or not answered, with the SDK's own growing pauses. Default 3. */
  readonly tries?: number;
};

const codes: readonly (readonly [RegExp, ErrorCode])[] = [
  [/throttl|RequestLimitExceeded|TooManyRequests|LimitExceeded/i, 'throttled'],
  [/AccessDenied|Unauthorized|InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|UnrecognizedClient|Credentials/i, 'denied'],
];

/** Pages of GetMetricData through the AWS SDK. Throws `throttled`, `denied` or `unavailable`, which names the call and what AWS said. */
export function sdkMetricData({ region, endpoint, credentials, tries = 3 }: CloudWatchConnection): ReadPage {
  const client = new CloudWatchClient({
    region,
    maxAttempts: tries,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  });
  return async ({ balancer, wanted, from, to, token }, signal) => {
    const input: GetMetricDataCommandInput = {
      StartTime: new Date(from * 1000),
      EndTime: new Date(to * 1000),
      ScanBy: 'TimestampAscending',
      MetricDataQueries: wanted.map(({ id, group, metric, stat }) => ({
        Id: id,
        MetricStat: {
          Metric: {
            Namespace: 'AWS/ApplicationELB',
            MetricName: metric,
            Dimensions: [
              { Name: 'TargetGroup', Value: group },
              { Name: 'LoadBalancer', Value: balancer },
            ],
          },
          Period: 60,
          Stat: stat,
        },
      })),
      ...(token === undefined ? {} : { NextToken: token }),
    };
    try {
      return await client.send(new GetMetricDataCommand(input), { abortSignal: signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { name = 'error', message = '' } = error as { name?: string; message?: string };
      const code = codes.find(([pattern]) => pattern.test(name))?.[1] ?? 'unavailable';
      const fix =
        code === 'denied'
          ? '; give Haldane’s own principal cloudwatch:GetMetricData, and this machine its credentials, as docs/cloudwatch.md says'
          : '';
      throw new HaldaneError(code, `AWS cloudwatch GetMetricData: ${name}: ${message}${fix}`, { cause: error });
    }
  };
}
