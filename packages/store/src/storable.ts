/** Text that PostgreSQL can keep: it has no NUL in text, and an error message from outside may. */
export function storable(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD');
}
