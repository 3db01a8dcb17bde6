import { errors, jwtVerify } from 'jose';
import type { HeldKeys, KeyCache } from './key-cache.ts';
import { claimsOf, factsOf, noFacts } from './token-facts.ts';
import { type Expected, type RefusalReason, subjectOf, type Verified, type Verify } from './verifier.ts';

/** Keys older than this are believed no more, even when nothing newer can be had. */
const staleMs = 600_000;

/**
 * The sound build. Valid users are served from the last good keys while the provider is away; without any key nobody is let in.
 * What can be refused without a key (another algorithm, a key of the token's own, past its time, for somebody else) is refused as such.
 */
export function soundVerifier(keys: KeyCache, expected: Expected): Verify {
  return async (token) => {
    const believed = keys.ageMs !== null && keys.ageMs < staleMs ? keys.held : null;
    return checkWith(token, believed, expected);
  };
}

/** Checks a token with these keys; `keys-unavailable` when only a key could tell. */
export async function checkWith(token: string | null, keys: HeldKeys | null, expected: Expected): Promise<Verified> {
  if (token === null) return { ok: false, refused: 'missing', facts: noFacts };
  const facts = factsOf(token);
  if (facts === null) return { ok: false, refused: 'malformed', facts: noFacts };
  if (facts.alg !== 'RS256') return { ok: false, refused: 'alg-not-allowed', facts };
  if (facts.keySource !== '') return { ok: false, refused: 'key-in-header', facts };
  if (keys === null) return { ok: false, refused: refusalWithoutKeys(token, expected), facts };
  try {
    const { payload } = await jwtVerify(token, keys.find, { ...expected, algorithms: ['RS256'], requiredClaims: ['sub', 'exp'] });
    return { ok: true, subject: subjectOf(payload) };
  } catch (error) {
    return { ok: false, refused: reasonOf(error), facts };
  }
}

/** Why these claims are not good enough whoever signed them, or null. */
export function claimRefusal(claims: Record<string, unknown> | null, expected: Expected): RefusalReason | null {
  if (claims === null) return 'malformed';
  const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  if (claims['iss'] !== expected.issuer || !audiences.includes(expected.audience)) return 'wrong-claims';
  if (typeof claims['sub'] !== 'string') return 'wrong-claims';
  return typeof claims['exp'] === 'number' && claims['exp'] * 1000 > Date.now() ? null : 'expired';
}

function refusalWithoutKeys(token: string, expected: Expected): RefusalReason | 'keys-unavailable' {
  return claimRefusal(claimsOf(token), expected) ?? 'keys-unavailable';
}

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'unknown-kid';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'bad-signature';
  if (error instanceof errors.JWTClaimValidationFailed) return 'wrong-claims';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'alg-not-allowed';
  return 'malformed';
}
