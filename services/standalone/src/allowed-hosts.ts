import type { Config } from './config.ts';

/** This machine, as a file may name it. */
const thisMachine = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Hosts that files may name beside the public internet. Where any file will do, all of them are the operator's own, and may name what runs on
 * this machine; where folders are named, others write in them, and only what is allowed by name is.
 */
export function allowedHosts({ allow = [], files }: Pick<Config, 'allow' | 'files'>): readonly string[] {
  return files === undefined ? [...allow, ...thisMachine] : allow;
}
