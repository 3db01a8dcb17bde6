export { readAlerts } from './read-alerts.ts';
export type { FetchText } from './sns/index.ts';
export { webhookAlerts } from './webhook-alerts.ts';
