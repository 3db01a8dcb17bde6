/** Text that PostgreSQL can keep: it has no NUL in text and no half of a character in JSON, and an error message from outside may. */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\uFFFD');
}
