export { httpProber, type ProberOptions } from './http-prober.ts';
