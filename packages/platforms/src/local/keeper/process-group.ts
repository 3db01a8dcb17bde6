import { readdirSync } from 'node:fs';
import { processStart, readProcessStat } from './process-start.ts';

/** A process group by its leader, which is also its session's: the id alone could have been used again. */
export type ProcessGroup = { readonly pid: number; readonly pidStart: string | null };

/**
 * Whether anything of the group is still alive, the leader or what it left behind. Processes that only wait to be
 * reaped do not count. True only for the very group that was recorded: a later one with the same number has a leader
 * that started at another time, or members that do not belong to the leader's session.
 */
export function isGroupAlive(group: ProcessGroup): boolean {
  const start = processStart(group.pid);
  if (start !== null) return start === group.pidStart;
  if (process.platform !== 'linux') return isSignalable(-group.pid);
  const since = Number(group.pidStart?.split(':')[1] ?? Number.POSITIVE_INFINITY);
  return readdirSync('/proc').some((entry) => {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? readProcessStat(pid) : null;
    return stat !== null && !stat.dead && stat.group === group.pid && stat.session === group.pid && stat.start >= since;
  });
}

/** Signals every process of the group; a group that is gone is no error. */
export function signalGroup(group: ProcessGroup, signal: NodeJS.Signals): void {
  if (!isGroupAlive(group)) return;
  try {
    process.kill(-group.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** SIGTERM, SIGKILL after `graceMs`; resolves true when nothing of the group is alive, false when even that did not end it in another 2 s. */
export async function endGroup(group: ProcessGroup, graceMs: number, sleep: (ms: number) => Promise<void>): Promise<boolean> {
  for (const [signal, ms] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 2000],
  ] as const) {
    signalGroup(group, signal);
    for (let waited = 0; waited < ms; waited += 25) {
      if (!isGroupAlive(group)) return true;
      await sleep(25);
    }
  }
  return !isGroupAlive(group);
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
