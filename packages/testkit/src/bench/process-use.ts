import { readFileSync } from 'node:fs';

/** Linux counts processor time in ticks of 10 ms, whatever its own clock does. */
const msPerTick = 10;
const pageBytes = 4096;

/** Milliseconds of processor time that this process used so far, over all its threads; null where the system does not say. */
export function processorMs(pid: number): number | null {
  const fields = read(`/proc/${pid}/stat`)?.split(')').at(-1)?.trim().split(' ');
  return fields ? (Number(fields[11]) + Number(fields[12])) * msPerTick : null;
}

/** The same of its children that have ended. */
export function endedChildrenMs(pid: number): number | null {
  const fields = read(`/proc/${pid}/stat`)?.split(')').at(-1)?.trim().split(' ');
  return fields ? (Number(fields[13]) + Number(fields[14])) * msPerTick : null;
}

/** Bytes of memory that this process holds now; null where the system does not say. */
export function residentBytes(pid: number): number | null {
  const pages = read(`/proc/${pid}/statm`)?.split(' ')[1];
  return pages === undefined ? null : Number(pages) * pageBytes;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
