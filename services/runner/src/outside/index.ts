export { outside } from './outside.ts';
