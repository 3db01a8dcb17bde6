import { createHash } from 'node:crypto';

/**
 * The index drawn as the n-th from `count` things: each is drawn once a round, every round in another order that depends
 * on nothing but the seed. The same seed gives the same order, in each arm and in a later run.
 */
export function drawn(seed: string, n: number, count: number): number {
  if (count < 2) return 0;
  const order = Array.from({ length: count }, (_, i) => i);
  const random = source(`${seed}#${Math.floor(n / count)}`);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order[n % count] ?? 0;
}

/** A number 0..1 that depends on nothing but the seed. */
export function fraction(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}

/** mulberry32 (Ettinger, public domain), keyed by a hash of the seed. */
function source(seed: string): () => number {
  let state = createHash('sha256').update(seed).digest().readUInt32BE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
