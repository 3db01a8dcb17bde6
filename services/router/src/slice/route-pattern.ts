/** A request as patterns see it: its method, and its path in segments; null where two servers could read the path differently. */
export type Asked = { readonly method: string; readonly segments: readonly string[] | null };

export type RoutePattern = {
  /** Null: every method. */
  readonly method: string | null;
  readonly segments: readonly string[];
  /** `/**` at the end: whatever follows, also nothing. */
  readonly rest: boolean;
};

/** `GET /orders/*`, `/public/**`: what `routePatternSyntax` of core lets through. */
export function routePattern(text: string): RoutePattern {
  const space = text.indexOf(' ');
  const segments = text
    .slice(space + 1)
    .replace(/^\//, '')
    .replace(/\/$/, '')
    .split('/');
  const rest = segments.at(-1) === '**';
  if (rest) segments.pop();
  return { method: space < 0 ? null : text.slice(0, space), segments: segments.filter((one) => one !== ''), rest };
}

/** Whether the pattern names this route exactly as it is written. A path that is not plain is none that anybody named. HEAD is a GET without its body. */
export function isNamed({ method, segments, rest }: RoutePattern, asked: Asked): boolean {
  if (asked.segments === null || !isMethod(method, asked.method)) return false;
  return isAlong(segments, rest, asked.segments, (a, b) => a === b);
}

/** Whether the pattern may mean this route for some server: letters of either case, and any path that is not plain. */
export function mayBeNamed({ method, segments, rest }: RoutePattern, asked: Asked): boolean {
  if (!isMethod(method, asked.method)) return false;
  return asked.segments === null || isAlong(segments, rest, asked.segments, (a, b) => a.toLowerCase() === b.toLowerCase());
}

function isMethod(wanted: string | null, method: string): boolean {
  return wanted === null || wanted === method || (wanted === 'GET' && method === 'HEAD');
}

function isAlong(pattern: readonly string[], rest: boolean, path: readonly string[], same: (a: string, b: string) => boolean): boolean {
  if (rest ? path.length < pattern.length : path.length !== pattern.length) return false;
  return pattern.every((segment, i) => segment === '*' || same(segment, path[i] as string));
}

/** What servers disagree about: path parameters, backslashes, fragments, control characters, what is not ASCII. */
const disputed = /[^!-~]|[;\\#]/;
const disputedWhenDecoded = /[^ -~]|[;\\#/?%]/;

/**
 * The path's segments, decoded; null when it holds anything that servers read in different ways (`..`, `//`, `;`, an encoded slash,
 * double encoding): such a path can neither be allowed by its name nor be shown not to be a forbidden one.
 */
export function plainSegments(path: string): readonly string[] | null {
  const query = path.indexOf('?');
  const raw = query < 0 ? path : path.slice(0, query);
  if (!raw.startsWith('/') || disputed.test(raw)) return null;
  const segments = raw.slice(1).split('/');
  if (segments.at(-1) === '') segments.pop();
  const plain = segments.map(plainSegment);
  return plain.every((segment) => segment !== null) ? plain : null;
}

function plainSegment(raw: string): string | null {
  if (raw === '' || raw === '.' || raw === '..') return null;
  if (!raw.includes('%')) return raw;
  try {
    const decoded = decodeURIComponent(raw);
    return decoded === '.' || decoded === '..' || disputedWhenDecoded.test(decoded) ? null : decoded;
  } catch {
    return null;
  }
}
