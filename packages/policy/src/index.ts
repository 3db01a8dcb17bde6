export type { Policy, Rule } from './policy.ts';
export { readPolicy } from './read-policy.ts';
export { ruledBy } from './ruled-by.ts';
