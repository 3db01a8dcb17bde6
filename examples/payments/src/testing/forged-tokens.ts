import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JSONWebKeySet, SignJWT } from 'jose';

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Forged tokens by kind, made from a valid one and the public keys: what anybody could make. */
export async function forgedTokens(valid: string, keys: JSONWebKeySet): Promise<Readonly<Record<string, string>>> {
  const header = decodeProtectedHeader(valid);
  const claims = decodeJwt(valid);
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const sign = (head: object, payload = claims) => new SignJWT(payload).setProtectedHeader({ alg: 'RS256', ...head }).sign(own);
  const pem = createPublicKey({ key: keys.keys[0] as JsonWebKey, format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const hs256 = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
  return {
    'alg-none': `${part({ ...header, alg: 'none' })}.${part(claims)}.`,
    'hs256-public-key': `${hs256}.${createHmac('sha256', pem).update(hs256).digest('base64url')}`,
    'unknown-kid': await sign({ kid: '../../dev/null', typ: 'at+jwt' }),
    'foreign-jku': await sign({ kid: 'mine', jku: 'http://127.0.0.1:9/keys' }),
    'wrong-key': await sign({ kid: header.kid }),
    expired: await sign({ kid: header.kid }, { ...claims, exp: 1 }),
    'other-audience': await sign({ kid: header.kid }, { ...claims, aud: 'urn:other' }),
    nonsense: 'not-a-token',
  };
}
