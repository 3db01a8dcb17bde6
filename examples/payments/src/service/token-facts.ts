import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { TokenFacts } from './verifier.ts';

export const noFacts: TokenFacts = { alg: '', kid: '', keySource: '', claimedSubject: '' };

/** Reads a token without believing it. Null when it is not a token at all. */
export function factsOf(token: string): TokenFacts | null {
  try {
    const header = decodeProtectedHeader(token) as Record<string, unknown>;
    return {
      alg: clean(header['alg']),
      kid: clean(header['kid']),
      keySource: keySourceOf(header),
      claimedSubject: clean(claimsOf(token)?.['sub']),
    };
  } catch {
    return null;
  }
}

/** The claims of a token without believing them; null when they are not JSON. */
export function claimsOf(token: string): Record<string, unknown> | null {
  try {
    return decodeJwt(token);
  } catch {
    return null;
  }
}

function keySourceOf(header: Record<string, unknown>): string {
  const address = header['jku'] ?? header['x5u'];
  if (address === undefined) return header['jwk'] === undefined ? '' : 'inline';
  try {
    return clean(new URL(String(address)).host) || 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** A stranger wrote this: only harmless characters, and few of them. */
function clean(value: unknown): string {
  return typeof value === 'string' ? value.replace(/[^\w.:@-]/g, '?').slice(0, 64) : '';
}
