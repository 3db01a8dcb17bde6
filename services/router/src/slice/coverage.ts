import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HaldaneError, methodsOf, plainRules, type SliceRules } from '@haldane/core';
import type { SliceConfig } from '@haldane/dataplane';
import { type Asked, isNamed, mayBeNamed, plainSegments, type RoutePattern, routePattern } from './route-pattern.ts';

/** A body up to this size is held, so that production can be sent the same. */
const shortBytes = 64 * 1024;

/** Which real requests a slice may take into an arm, by method, route, and who never enters one. */
export class Coverage {
  readonly #rules: SliceRules;
  readonly #methods: ReadonlySet<string> | null;
  /** Null: of any size. */
  readonly #longestBody: number | null;
  readonly #upgrades: boolean;
  readonly #only: readonly RoutePattern[];
  readonly #neverRoutes: readonly RoutePattern[];
  readonly #neverKeys: ReadonlySet<string>;

  /** Throws `bad-request` for rules that contradict each other. */
  constructor(slice: SliceConfig) {
    const rules = slice.rules ?? plainRules;
    if (rules.mode === 'mirror' && rules.routes.length === 0)
      throw new HaldaneError('bad-request', 'slice.rules.routes is empty: a slice that mirrors names the safe routes that may be copied');
    const { from } = rules.key;
    if ((from === 'header' || from === 'claim') && !rules.key.name)
      throw new HaldaneError('bad-request', `slice.rules.key.name is missing: a key from a ${from} says from which`);
    const methods = methodsOf(slice.exposure, rules.mode);
    this.#methods = methods === null ? null : new Set(methods);
    this.#longestBody = { route: null, shield: shortBytes, mirror: 0 }[rules.mode];
    // An upgrade is a GET that can write.
    this.#upgrades = methods === null;
    this.#rules = rules;
    this.#only = rules.routes.map(routePattern);
    this.#neverRoutes = rules.never.routes.map(routePattern);
    this.#neverKeys = new Set(rules.never.keys);
  }
  /** Whether a request to this path by this user may enter an arm, if `exposes` says so of its method. */
  covers(request: IncomingMessage, path: string, key: string): boolean {
    return this.#isRouted(request, path) && !this.#isBarred(request, key);
  }
  /** Whether requests of this kind may: the cheap half of the question. */
  exposes(request: IncomingMessage): boolean {
    if (this.#methods !== null && !this.#methods.has(request.method ?? 'GET')) return false;
    if (!this.#upgrades && request.headers.upgrade !== undefined) return false;
    return this.#longestBody === null || hasShortBody(request, this.#longestBody);
  }
  #isRouted(request: IncomingMessage, path: string): boolean {
    if (this.#only.length === 0 && this.#neverRoutes.length === 0) return true;
    const asked: Asked = { method: request.method ?? 'GET', segments: plainSegments(path) };
    if (this.#neverRoutes.some((pattern) => mayBeNamed(pattern, asked))) return false;
    return this.#only.length === 0 || this.#only.some((pattern) => isNamed(pattern, asked));
  }
  #isBarred(request: IncomingMessage, key: string): boolean {
    const { headers } = this.#rules.never;
    for (const { name, values } of headers) {
      const said = request.headers[name.toLowerCase()];
      if (said === undefined) continue;
      if (values.length === 0 || [said].flat().some((one) => one.split(',').some((part) => values.includes(part.trim())))) return true;
    }
    return this.#neverKeys.size > 0 && this.#neverKeys.has(createHash('sha256').update(key).digest('hex'));
  }
}

/** Whether the request's body is known to have at most so many bytes. */
function hasShortBody(request: IncomingMessage, most: number): boolean {
  if (request.headers['transfer-encoding'] !== undefined) return false;
  const length = request.headers['content-length'];
  return length === undefined || Number(length) <= most;
}
