import type { JWTPayload } from 'jose';

/** What the outside of a token says, before anybody believed it. Bounded and stripped: it goes into the audit log. */
export type TokenFacts = {
  readonly alg: string;
  readonly kid: string;
  /** Host of a key address that the token itself brought (jku, x5u), or 'inline' for a key inside it. */
  readonly keySource: string;
  readonly claimedSubject: string;
};

export type RefusalReason =
  | 'missing'
  | 'malformed'
  | 'alg-not-allowed'
  | 'key-in-header'
  | 'unknown-kid'
  | 'bad-signature'
  | 'expired'
  | 'wrong-claims';

export type Verified =
  | { readonly ok: true; readonly subject: string }
  /** It is not valid: 401. */
  | { readonly ok: false; readonly refused: RefusalReason; readonly facts: TokenFacts }
  /** Nobody can tell now: 503, and let nobody in. */
  | { readonly ok: false; readonly refused: 'keys-unavailable'; readonly facts: TokenFacts };

/** Decides whether a bearer token may come in. */
export type Verify = (token: string | null) => Promise<Verified>;

export type Expected = { readonly issuer: string; readonly audience: string };

/** The name that a token's claims give, for logs and data. */
export function subjectOf(payload: JWTPayload): string {
  return typeof payload.sub === 'string' ? payload.sub.slice(0, 128) : '';
}
