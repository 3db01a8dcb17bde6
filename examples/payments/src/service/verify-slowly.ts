import type { KeyCache } from './key-cache.ts';
import type { Expected, Verify } from './verifier.ts';
import { checkWith } from './verify-soundly.ts';

/**
 * The slow build: it holds, but fails its users. Once the keys have aged, each request waits for new ones, and when they do not
 * come it is turned away, although the old keys would still have told who is who.
 */
export function slowVerifier(keys: KeyCache, expected: Expected): Verify {
  return async (token) => checkWith(token, keys.fresh ? keys.held : await keys.refresh(), expected);
}
