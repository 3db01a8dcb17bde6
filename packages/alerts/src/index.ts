/** The room's list: one line a way in which alerts arrive, or are asked for. */
export { alarmHistory } from './cloudwatch/alarm-history.ts';
export { connectAlarms } from './cloudwatch/connect-alarms.ts';
export type { ReadHistory } from './cloudwatch/history-item.ts';
export { type FetchText, readAlerts, webhookAlerts } from './webhook/index.ts';
