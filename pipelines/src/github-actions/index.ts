export { jobLogin } from './job-login.ts';
