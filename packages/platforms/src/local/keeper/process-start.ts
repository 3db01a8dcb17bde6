import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, as an opaque word that no later process with the same id has; null when there is no such
 * process or it is only waiting to be reaped. On Linux from /proc (clock ticks since this boot), elsewhere from `ps`.
 */
export function processStart(pid: number): string | null {
  if (process.platform !== 'linux') return startFromPs(pid);
  const stat = readProcessStat(pid);
  return stat && !stat.dead ? `${bootId()}:${stat.start}` : null;
}

/** The fields of /proc/PID/stat that tell whose a process is. The name in it may hold spaces and brackets: read from its end. */
export function readProcessStat(
  pid: number,
): { readonly dead: boolean; readonly group: number; readonly session: number; readonly start: number } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { dead: fields[0] === 'Z' || fields[0] === 'X', group: Number(fields[2]), session: Number(fields[3]), start: Number(fields[19]) };
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
  } catch {
    return 'boot';
  }
}

function startFromPs(pid: number): string | null {
  try {
    const answer = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return answer === '' || answer.startsWith('Z') ? null : answer.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}
