export { type FetchText, isSns, openSns } from './open-sns.ts';
