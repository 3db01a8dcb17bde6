import type { Grant, Scope } from '@haldane/core';

/**
 * Whose logins are believed, and what they open. The first rule of an issuer whose claims all hold decides; a login that no rule fits
 * opens nothing.
 */
export type TrustRule = {
  /** As the login's `iss` says it, and where its keys are found (OpenID Connect discovery). */
  readonly issuer: string;
  /** The login must be meant for this, or it is somebody else's. */
  readonly audience: string;
  /** Claims that must have exactly this value, or hold it when they are lists. */
  readonly claims: Readonly<Record<string, string>>;
  readonly grants: readonly Grant[];
  readonly scope: Scope;
  /** How long the token lives that the login is exchanged for; never longer than a day. */
  readonly livesMs: number;
};
