import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from '@haldane/store';
import { endedChildrenMs, processorMs } from '@haldane/testkit';

/** What a PostgreSQL server used so far, over all its processes, also those whose connection has ended. */
export type ServerUse = { readonly processorMs: number; readonly writtenBytes: number };

/** Null where the system does not say. Reads the server's own lock file beside its socket, so it must be on this machine. */
export function serverUse({ host, port }: Connection): ServerUse | null {
  try {
    const postmaster = Number(readFileSync(join(host, `.s.PGSQL.${port}.lock`), 'utf8').split('\n')[0]);
    const pids = readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid === postmaster || (pid > 0 && parentOf(pid) === postmaster));
    const sum = (of: (pid: number) => number) => pids.reduce((all, pid) => all + of(pid), 0);
    // Bytes of a process that has ended are counted with its parent's by the system itself.
    return { processorMs: sum((pid) => processorMs(pid) ?? 0) + (endedChildrenMs(postmaster) ?? 0), writtenBytes: sum(writtenBy) };
  } catch {
    return null;
  }
}

function parentOf(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim().split(' ')[1]);
  } catch {
    // It ended meanwhile.
    return null;
  }
}

/** Bytes handed to files; what goes to a socket is not in this count. */
function writtenBy(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
