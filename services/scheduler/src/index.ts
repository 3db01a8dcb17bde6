export { readCron } from './cron-expression.ts';
export { Doorman, type DoormanOptions } from './doorman.ts';
export { Herald, type Persistence } from './herald.ts';
export { Scheduler, type SchedulerOptions } from './scheduler.ts';
