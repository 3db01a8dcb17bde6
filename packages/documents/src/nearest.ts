import { closest, distance } from 'fastest-levenshtein';

/**
 * The known word that `word` most likely stands for, or null when none is near: at most a third of its letters differ
 * (two in a word of four or five, one in a shorter one), or one contains the other.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const lower = word.toLowerCase();
  const best = closest(
    lower,
    known.map((k) => k.toLowerCase()),
  );
  const found = known.find((k) => k.toLowerCase() === best) ?? null;
  const allowed = word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3));
  if (found !== null && distance(lower, best) <= allowed) return found;
  return (
    known.find((k) => lower.length > 2 && k.length > 2 && (k.toLowerCase().includes(lower) || lower.includes(k.toLowerCase()))) ?? null
  );
}

/** Of all known words the one that differs in the fewest letters; null only when there is none. */
export function nearestOfAll(word: string, known: readonly string[]): string | null {
  return nearest(word, known) ?? (known.length === 0 ? null : closest(word, [...known]));
}
