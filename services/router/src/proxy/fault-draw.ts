import { createHash } from 'node:crypto';
import type { DependencyFault } from '@haldane/core';

/** Whether call number `n` meets the fault: uniform in SHA-256(seed, n), so the same seed picks the same calls again. */
export function meets(fault: DependencyFault, n: number): boolean {
  const percent = fault.percent ?? 100;
  if (percent >= 100) return true;
  const digest = createHash('sha256')
    .update(`${fault.seed ?? ''}|${n}`)
    .digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100 < percent;
}
