/** The room's list: one line a way in which alerts arrive. */
export { type FetchText, readAlerts, webhookAlerts } from './webhook/index.ts';
