import { CloudWatchClient, DescribeAlarmHistoryCommand } from '@aws-sdk/client-cloudwatch';
import { type ErrorCode, HaldaneError } from '@haldane/core';
import type { ReadHistory } from './history-item.ts';

export type AlarmConnection = {
  readonly region: string;
  /** In place of AWS's own address: a private endpoint, or a test's. */
  readonly endpoint?: string;
  /** The machine's own (environment, profile, instance role) when they are not given. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Tries of one call, throttled or not answered, with the SDK's own growing pauses. Default 2: it is asked again soon anyway. */
  readonly tries?: number;
};

const codes: readonly (readonly [RegExp, ErrorCode])[] = [
  [/throttl|RequestLimitExceeded|TooManyRequests|LimitExceeded/i, 'throttled'],
  [/AccessDenied|Unauthorized|InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|UnrecognizedClient|Credentials/i, 'denied'],
];

/** Pages of DescribeAlarmHistory through the AWS SDK. Throws `throttled`, `denied` or `unavailable`, which names the call and what AWS said. */
export function sdkHistory({ region, endpoint, credentials, tries = 2 }: AlarmConnection): ReadHistory {
  const client = new CloudWatchClient({
    region,
    maxAttempts: tries,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 4_000, throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  });
  return async ({ alarm, from, to, token }, signal) => {
    // Every type of entry: what an alarm changed to, and what its actions told whom. Of composite alarms nothing is told unless they are named.
    const asked = new DescribeAlarmHistoryCommand({
      AlarmName: alarm,
      AlarmTypes: ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'],
      StartDate: new Date(from),
      EndDate: new Date(to),
      ScanBy: 'TimestampAscending',
      MaxRecords: 100,
      ...(token === undefined ? {} : { NextToken: token }),
    });
    try {
      return await client.send(asked, { abortSignal: signal });
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { name = 'error', message = '' } = error as { name?: string; message?: string };
      const code = codes.find(([pattern]) => pattern.test(name))?.[1] ?? 'unavailable';
      const fix = code === 'denied' ? '; give Haldane’s own principal cloudwatch:DescribeAlarmHistory, as docs/aws.md says' : '';
      throw new HaldaneError(code, `AWS cloudwatch DescribeAlarmHistory of ${alarm}: ${name}: ${message}${fix}`, { cause: error });
    }
  };
}
