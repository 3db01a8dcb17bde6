import { createHmac } from 'node:crypto';
import type { ClusterRole } from '@haldane/core';

/** What a run makes of a user's sticky key: where in [0, 1) it stands, and a name for counting it (64 bits, hex). */
export type KeyDraw = { readonly u: number; readonly hash: string };

/**
 * Draws from HMAC-SHA256(secret, key): `u` from its first 53 bits, `hash` from eight others, so that neither tells the other.
 * The same key draws the same in one run and unrelated in the next; without the run's secret neither leads back to the key.
 */
export function drawKey(secret: string, key: string): KeyDraw {
  const mac = createHmac('sha256', Buffer.from(secret, 'hex')).update('haldane key v1|').update(key).digest();
  const u = (mac.readUInt32BE(0) * 2 ** 21 + (mac.readUInt32BE(4) >>> 11)) / 2 ** 53;
  return { u, hash: mac.toString('hex', 8, 16) };
}

/**
 * Which cluster this draw belongs to when each arm has `share`, control `controlTimes` as much. The arms grow from the two ends, so a growing share takes
 * users from production only and never moves one from arm to arm. Beyond the whole route the arms would meet.
 */
export function roleOf(u: number, share: number, controlTimes = 1): ClusterRole {
  if (u < share) return 'experiment';
  return u >= 1 - share * controlTimes ? 'control' : 'production';
}

/** `drawKey` and `roleOf` in one. */
export function assign(secret: string, key: string, share: number, controlTimes = 1): ClusterRole {
  return roleOf(drawKey(secret, key).u, share, controlTimes);
}
