import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When the process began, in the system's own words; null when there is none, or only its remains (a dead child that nobody has waited for).
 * A pid with another start is another process.
 */
export function processStart(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // The name (field 2) may hold spaces and brackets; what follows its last bracket begins with field 3.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(')').at(-1)?.trim().split(' ');
      return fields === undefined || isDead(fields[0]) ? null : (fields[19] ?? null);
    }
    const said = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 }).trim();
    return said === '' || isDead(said) ? null : said.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}

/** By the state that the system tells of a process. */
function isDead(state: string | undefined): boolean {
  return state === undefined || /^[ZX]/.test(state);
}
