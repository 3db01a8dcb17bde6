import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HaldaneError, plainRules, type SliceRules } from '@haldane/core';
import type { SliceConfig } from '@haldane/dataplane';
import { type Asked, isNamed, mayBeNamed, plainSegments, type RoutePattern, routePattern } from './route-pattern.ts';

/** A body up to this size is held, so that production can be sent the same. */
export const shortBytes = 64 * 1024;
/** RFC 9110, 9.2.2: sent twice they mean what they mean once, so production may answer after an arm has failed. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
/** RFC 9110, 9.2.1: they ask for no change. */
const safe = new Set(['GET', 'HEAD']);

/** Which real requests a slice may take into an arm, by method, route, and who never enters one. */
export class Coverage {
  readonly #slice: SliceConfig;
  readonly #rules: SliceRules;
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
    this.#slice = slice;
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
    const { exposure } = this.#slice;
    const method = request.method ?? 'GET';
    // An upgrade is a GET that can write.
    const upgrades = request.headers.upgrade !== undefined;
    if (exposure === 'synthetic' || (exposure === 'reads' && (!safe.has(method) || upgrades))) return false;
    switch (this.#rules.mode) {
      case 'route':
        return true;
      case 'shield':
        return idempotent.has(method) && !upgrades && hasShortBody(request, shortBytes);
      case 'mirror':
        return safe.has(method) && !upgrades && hasShortBody(request, 0);
    }
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
