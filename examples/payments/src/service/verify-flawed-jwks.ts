import type { KeyCache } from './key-cache.ts';
import { claimsOf, factsOf } from './token-facts.ts';
import type { Expected, Verify } from './verifier.ts';
import { checkWith, claimRefusal } from './verify-soundly.ts';

/**
 * FLAWED ON PURPOSE. "Better serve than fail": once the keys have aged and cannot be fetched, the signature is not checked and
 * the claims are simply believed. With fresh keys it is as strict as the sound build, so no ordinary test finds it.
 */
export function flawedJwksVerifier(keys: KeyCache, expected: Expected): Verify {
  return async (token) => {
    const away = !keys.fresh && keys.failing;
    if (!away || token === null || factsOf(token) === null) return checkWith(token, keys.held, expected);
    const claims = claimsOf(token);
    const refused = claimRefusal(claims, expected);
    if (refused !== null) return checkWith(token, null, expected);
    return { ok: true, subject: String(claims?.['sub']).slice(0, 128) };
  };
}
