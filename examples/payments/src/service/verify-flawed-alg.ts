import { jwtVerify } from 'jose';
import type { KeyCache } from './key-cache.ts';
import { claimsOf, factsOf } from './token-facts.ts';
import { type Expected, subjectOf, type Verify } from './verifier.ts';
import { checkWith, claimRefusal } from './verify-soundly.ts';

/**
 * FLAWED ON PURPOSE. It lets the token say how it is to be checked: `none` is not checked at all, and HS256 takes the public key,
 * which everybody has, for a secret. RS256 tokens are checked as in the sound build.
 */
export function flawedAlgVerifier(keys: KeyCache, expected: Expected): Verify {
  return async (token) => {
    const alg = token === null ? undefined : factsOf(token)?.alg;
    if (token !== null && alg === 'none' && claimRefusal(claimsOf(token), expected) === null) {
      return { ok: true, subject: String(claimsOf(token)?.['sub']).slice(0, 128) };
    }
    if (token !== null && alg === 'HS256') {
      const subject = await signedWithPublicKey(token, keys.held?.pems ?? [], expected);
      if (subject !== null) return { ok: true, subject };
    }
    return checkWith(token, keys.held, expected);
  };
}

async function signedWithPublicKey(token: string, pems: readonly string[], expected: Expected): Promise<string | null> {
  // Libraries differ in whether PEM text ends with a newline; the flaw is there either way.
  for (const secret of pems.flatMap((pem) => [pem.trimEnd(), `${pem.trimEnd()}\n`])) {
    try {
      const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), { ...expected, algorithms: ['HS256'] });
      return subjectOf(payload);
    } catch {
      // Not this key: the next one may be it.
    }
  }
  return null;
}
