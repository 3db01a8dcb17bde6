import { createHash } from 'node:crypto';

/** By how many milliseconds the schedule's runs begin late: less than `seconds`, and the same whoever asks. */
export function jitterOf(scheduleId: string, seconds: number): number {
  const drawn = createHash('sha256').update(scheduleId).digest().readUInt32BE() / 2 ** 32;
  return Math.floor(drawn * seconds * 1000);
}
