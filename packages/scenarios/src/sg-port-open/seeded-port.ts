import { createHash } from 'node:crypto';

const lowest = 10_000;
const highest = 65_000;

/** A port from 10000 to 65000 that is the same for the same run, and that nobody knows before. */
export function seededPort(runId: string): number {
  return lowest + (createHash('sha256').update(runId).digest().readUInt32BE(0) % (highest - lowest + 1));
}
