export { readCron } from './cron-expression.ts';
export { Scheduler, type SchedulerOptions } from './scheduler.ts';
