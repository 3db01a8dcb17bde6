import { randomFillSync } from 'node:crypto';

const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

/** So many random bytes (at most 4096) in hex. Drawn ahead: a draw of its own costs more than all else that is written into a request. */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const text = pool.toString('hex', used, used + bytes);
  // What was given away is not kept: a user's key is a secret.
  pool.fill(0, used, used + bytes);
  used += bytes;
  return text;
}
