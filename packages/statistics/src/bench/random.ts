/** Uniform numbers in [0, 1). */
export type Random = () => number;

/** A finaliser that spreads every bit of a word over all of them. */
function spread(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A stream of its own for each list of seed words (small fast counting generator: 96 bits of state and a 32-bit counter), so a run is
 * the same whichever thread makes it.
 */
export function randomOf(...words: readonly number[]): Random {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 1];
  for (const word of words) {
    a = spread(a ^ word);
    b = spread(b + a);
    c = spread(c ^ b ^ word);
  }
  const next: Random = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}
