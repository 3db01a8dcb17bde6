export { fromAlarm, isAlarm } from './from-alarm.ts';
