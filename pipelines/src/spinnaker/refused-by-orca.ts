import { isIP } from 'node:net';

/** Endings of names that Orca calls only when its operator says so. */
const inside = ['.spinnaker', '.local', '.localdomain', '.internal'];

/** Why Orca's usual `user-configured-url-restrictions` would not call this address, in words with the fix; null when they would. */
export function refusedByOrca(server: string): string | null {
  const host = new URL(server).hostname.replace(/^\[|\]$/g, '');
  const why =
    host === 'localhost'
      ? 'localhost'
      : isIP(host) > 0
        ? 'an address in numbers'
        : inside.some((ending) => host.endsWith(ending))
          ? 'a name for the inside only'
          : host.includes('.')
            ? null
            : 'a name without a dot';
  return why === null
    ? null
    : `${host} is ${why}, which Orca refuses to call; give Haldane a public name, or loosen user-configured-url-restrictions in Orca's settings`;
}
