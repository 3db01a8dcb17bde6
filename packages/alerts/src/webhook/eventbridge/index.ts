export { fromEvent, isEvent } from './from-event.ts';
