import { type AskCloudWatch, type ReadPage, wholeAnswers } from './ask-cloudwatch.ts';
import type { CloudWatchConnection } from './sdk-metric-data.ts';

/** CloudWatch of one account and region. The SDK is loaded when it is first asked: who counts nobody there does not wait for it. */
export function connectCloudWatch(connection: CloudWatchConnection): AskCloudWatch {
  let reading: Promise<ReadPage> | null = null;
  return wholeAnswers(async (asked, signal) => {
    reading ??= import('./sdk-metric-data.ts').then(({ sdkMetricData }) => sdkMetricData(connection));
    return (await reading)(asked, signal);
  });
}
