import { createHash } from 'node:crypto';
import type { DependencyFault } from '@haldane/core';

/** Uniform in [0, 1), the same for the same seed, purpose and number. */
function draw({ seed }: DependencyFault, what: string, n: number): number {
  const digest = createHash('sha256')
    .update(`${seed ?? ''}|${what}${n}`)
    .digest();
  return digest.readUInt32BE(0) / 2 ** 32;
}

/** Whether call number `n` meets the fault: uniform in SHA-256(seed, n), so the same seed picks the same calls again. */
export function meets(fault: DependencyFault, n: number): boolean {
  const percent = fault.percent ?? 100;
  return percent >= 100 || draw(fault, '', n) * 100 < percent;
}

/**
 * How long call number `n` is held, in milliseconds: `delayMs` itself; or with that mean, uniform within `spreadMs` to each side, normal
 * with that standard deviation (never below 0), or exponential.
 */
export function delayOf(fault: DependencyFault, n: number): number {
  const { delayMs = 0, spreadMs = 0 } = fault;
  const u = draw(fault, 'delay ', n);
  switch (fault.delay ?? 'fixed') {
    case 'fixed':
      return delayMs;
    case 'uniform':
      return Math.max(0, delayMs + (2 * u - 1) * spreadMs);
    case 'normal':
      // Box and Muller (1958); 1 - u is never 0.
      return Math.max(0, delayMs + spreadMs * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * draw(fault, 'turn ', n)));
    case 'exponential':
      return -delayMs * Math.log(1 - u);
  }
}

/** Bytes that are nobody's, the same for the same seed, call and place. */
export function noise(fault: DependencyFault, n: number, at: number, length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let block = Math.floor(at / 32); block * 32 < at + length; block += 1)
    pieces.push(
      createHash('sha256')
        .update(`${fault.seed ?? ''}|noise ${n} ${block}`)
        .digest(),
    );
  const from = at % 32;
  return Buffer.concat(pieces).subarray(from, from + length);
}
