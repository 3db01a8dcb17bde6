import { createHash } from 'node:crypto';

/** Numbers in [0, 1), the same for the same seed: SHA-256 of seed and counter, 32 bits at a time. */
export function seededRandom(seed: string): () => number {
  let block = Buffer.alloc(0);
  let offset = 0;
  let counter = 0;
  return () => {
    if (offset >= block.length) {
      block = createHash('sha256').update(`${seed}:${counter}`).digest();
      counter += 1;
      offset = 0;
    }
    const value = block.readUInt32BE(offset) / 2 ** 32;
    offset += 4;
    return value;
  };
}
