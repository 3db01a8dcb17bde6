type Environment = Readonly<Record<string, string | undefined>>;

/** The value of a variable, or its default; an error that names it when it has neither. */
export function text(env: Environment, name: string, byDefault?: string): string {
  const value = env[name] === undefined || env[name] === '' ? byDefault : env[name];
  if (value === undefined) throw new Error(`${name} is not set; this process does not start without it`);
  return value;
}

/** A whole number from a variable; an error that names it when it is something else. */
export function whole(env: Environment, name: string, byDefault: number): number {
  const value = text(env, name, String(byDefault));
  if (!/^\d{1,9}$/.test(value)) throw new Error(`${name} must be a whole number, not "${value}"`);
  return Number(value);
}

/** One of the words allowed; an error that lists them otherwise. */
export function oneOf<T extends string>(env: Environment, name: string, allowed: readonly T[], byDefault: T): T {
  const value = text(env, name, byDefault);
  const found = allowed.find((word) => word === value);
  if (found === undefined) throw new Error(`${name} must be one of ${allowed.join(', ')}, not "${value}"`);
  return found;
}
