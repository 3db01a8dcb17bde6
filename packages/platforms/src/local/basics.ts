import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname } from 'node:path';

/**
 * The environment that a process needs to run at all, for when the caller passes none of its own: this Node first on the
 * path, so that a service's `node` is ours, and no variable of Haldane's.
 */
export function plainBasics(): Readonly<Record<string, string>> {
  const path = [dirname(process.execPath), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return { PATH: path.join(delimiter), HOME: homedir(), LANG: 'C.UTF-8', TMPDIR: tmpdir() };
}
