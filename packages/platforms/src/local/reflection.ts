/**
 * @peculiar/x509 finds its parts by way of the metadata reflection proposal, which Node has not. These are the three
 * functions of it that are called; a real polyfill that is there already is left alone.
 */
export function provideReflection(): void {
  const reflect = Reflect as { getMetadata?: unknown };
  if (reflect.getMetadata !== undefined) return;
  const known = new WeakMap<object, Map<unknown, unknown>>();
  const own = (key: unknown, target: object): unknown => known.get(target)?.get(key);
  const inherited = (key: unknown, target: object | null): unknown =>
    target === null ? undefined : (own(key, target) ?? inherited(key, Object.getPrototypeOf(target) as object | null));
  const define = (key: unknown, value: unknown, target: object): void => {
    known.set(target, (known.get(target) ?? new Map()).set(key, value));
  };
  Object.assign(reflect, { getMetadata: inherited, getOwnMetadata: own, defineMetadata: define });
}
