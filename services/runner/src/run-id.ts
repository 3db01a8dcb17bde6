import { randomInt } from 'node:crypto';

const letters = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A name for a run that fits into every other name made from it: a letter, then eleven without look-alikes (54 bits). */
export function newRunId(): string {
  return `r${Array.from({ length: 11 }, () => letters[randomInt(letters.length)]).join('')}`;
}
