/** An object of which nothing is known yet. */
export type Loose = Readonly<Record<string, unknown>>;

const fieldLimit = 300;

export function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A plain value as a text of at most 300 characters; null for nothing and for what is no plain value. */
export function text(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, fieldLimit) : null;
}
