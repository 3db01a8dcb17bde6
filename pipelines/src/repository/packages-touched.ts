import { isDeepStrictEqual } from 'node:util';
import type { Touch } from '@haldane/core';

type Entry = { readonly version?: unknown; readonly dev?: unknown };
type Json = Readonly<Record<string, unknown>>;

/** Words about a package that nobody runs. */
const words = ['version', 'description', 'keywords', 'author', 'contributors', 'license', 'homepage', 'bugs', 'repository', 'funding'];
const runtime = ['dependencies', 'optionalDependencies', 'peerDependencies', 'overrides', 'bundleDependencies', 'bundledDependencies'];
const named = 5;

/**
 * What changed in what npm installs: `dependencies` with the packages' names, `build` where only development's differ, `code` where
 * package.json says otherwise how the program is entered. Null when it cannot be read.
 */
export function packagesTouched(
  path: string,
  before: string | null,
  after: string | null,
): readonly { touch: Touch; says: string }[] | null {
  const [old, now] = [read(before), read(after)];
  if (old === null || now === null) return null;
  return path.endsWith('package.json') ? ofPackage(path, old, now) : ofLock(path, old, now);
}

function ofPackage(path: string, old: Json, now: Json): readonly { touch: Touch; says: string }[] {
  const changed = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((key) => !isDeepStrictEqual(old[key], now[key]));
  const other = changed.filter((key) => !words.includes(key) && !runtime.includes(key) && key !== 'devDependencies');
  return [
    ...(changed.some((key) => runtime.includes(key)) ? [{ touch: 'dependencies' as const, says: path }] : []),
    ...(changed.includes('devDependencies') ? [{ touch: 'build' as const, says: path }] : []),
    ...(other.length > 0 ? [{ touch: 'code' as const, says: `${path}: ${other.slice(0, named).join(', ')}` }] : []),
  ];
}

/** Lock files of version 2 and 3 list every installed package; an older one cannot tell what is for development only. */
function ofLock(path: string, old: Json, now: Json): readonly { touch: Touch; says: string }[] | null {
  const [before, after] = [entries(old), entries(now)];
  if (before === null || after === null) return null;
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    // The first entry repeats package.json, which speaks for itself.
    (key) => key !== '' && !isDeepStrictEqual(before[key], after[key]),
  );
  const isDev = (key: string) => [before[key], after[key]].every((one) => one === undefined || one.dev === true);
  const [dev, used] = [changed.filter(isDev), changed.filter((key) => !isDev(key))];
  const says = (keys: readonly string[]) => {
    const which = keys.slice(0, named).map((key) => `${key.replace(/^.*node_modules\//, '')} ${versionsOf(before[key], after[key])}`);
    return `${path}: ${which.join(', ')}${keys.length > named ? ` and ${keys.length - named} more` : ''}`;
  };
  return [
    ...(used.length > 0 ? [{ touch: 'dependencies' as const, says: says(used) }] : []),
    ...(dev.length > 0 ? [{ touch: 'build' as const, says: says(dev) }] : []),
  ];
}

function versionsOf(old: Entry | undefined, now: Entry | undefined): string {
  return `${old === undefined ? 'new' : String(old.version ?? '?')} → ${now === undefined ? 'gone' : String(now.version ?? '?')}`;
}

function entries(lock: Json): Readonly<Record<string, Entry>> | null {
  const { packages } = lock;
  return typeof packages === 'object' && packages !== null ? (packages as Readonly<Record<string, Entry>>) : null;
}

/** A file that is not there says nothing, which is an empty one. Null when it is no object. */
function read(text: string | null): Json | null {
  if (text === null) return { packages: {} };
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
  } catch {
    return null;
  }
}
