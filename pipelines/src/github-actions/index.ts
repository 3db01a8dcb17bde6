export * from './app/index.ts';
export { githubActions } from './github-actions.ts';
export { jobLogin } from './job-login.ts';
