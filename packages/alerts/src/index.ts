/** The room's list: one line a way in which alerts arrive. */
export { readAlerts } from './read-alerts.ts';
export type { FetchText } from './sns/index.ts';
export { webhookAlerts } from './webhook/index.ts';
