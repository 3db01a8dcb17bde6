import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A process that cannot be taken for a later one with the same pid. */
export type ProcessIdentity = { readonly pid: number; readonly startTime: string };

const run = promisify(execFile);

/**
 * When the process was started, in the system's own words; null when there is no such process, or only its remains (a dead
 * child that nobody has waited for). Linux: field 22 of /proc/<pid>/stat, in ticks since boot.
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  const [state, startTime] = process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
  return state === undefined || startTime === undefined || /^[ZX]/.test(state) ? null : startTime;
}

async function fromProc(pid: number): Promise<string[]> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, and may itself hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] !== undefined && fields[19] !== undefined ? [fields[0], fields[19]] : [];
  } catch {
    return [];
  }
}

async function fromPs(pid: number): Promise<string[]> {
  try {
    const { stdout } = await run('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
      env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' },
    });
    const [, state, startTime] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(stdout) ?? [];
    return state !== undefined && startTime !== undefined ? [state, startTime] : [];
  } catch {
    return [];
  }
}

/** Whether that very process is still there. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await startTimeOf(identity.pid)) === identity.startTime;
}

/** The identity of a living process, or null. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const startTime = await startTimeOf(pid);
  return startTime === null ? null : { pid, startTime };
}

/** The command line of a process; empty when there is none or it is not ours to see. */
export async function commandOf(pid: number): Promise<string> {
  try {
    if (process.platform === 'linux') return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    return (await run('ps', ['-o', 'command=', '-p', String(pid)], { env: { PATH: '/bin:/usr/bin' } })).stdout;
  } catch {
    return '';
  }
}
