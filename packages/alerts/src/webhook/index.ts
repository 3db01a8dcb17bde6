export { parseAlerts } from './parse-alerts.ts';
export { webhookAlerts } from './webhook-alerts.ts';
