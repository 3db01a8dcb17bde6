import type { ReadHistory } from './history-item.ts';
import type { AlarmConnection } from './sdk-history.ts';

/** The alarms of one account and region. The SDK is loaded when one is first asked for: who asks for none does not wait for it. */
export function connectAlarms(connection: AlarmConnection): ReadHistory {
  let reading: Promise<ReadHistory> | null = null;
  return async (asked, signal) => {
    reading ??= import('./sdk-history.ts').then(({ sdkHistory }) => sdkHistory(connection));
    return (await reading)(asked, signal);
  };
}
