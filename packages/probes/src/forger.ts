import { createHmac, createPublicKey, type JsonWebKey as NodeJwk, randomBytes } from 'node:crypto';
import { type Arm, arms, type Forgery, HaldaneError } from '@haldane/core';
import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose';

/** One forgery can take several forms (an HS256 secret is the public key as PEM, as DER, as JWK): they are tried in turn. */
type Forms = readonly string[];
type Forged = ReadonlyMap<Forgery, Readonly<Record<Arm, Forms>>>;

type OwnKey = { readonly alg: string; readonly privateKey: CryptoKey; readonly jwk: JWK };

/** Where a foreign key set of ours is served, by arm, so that a visitor's arm is known. */
export type JkuAddress = (arm: Arm) => string;

const asymmetric = /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/;

/**
 * Makes forged credentials from a valid token of a synthetic identity and the provider's public keys. Everything is made
 * when a token is new, so that sending needs no work. A forgery never carries the provider's own signature.
 */
export class Forger {
  readonly #keys: readonly JWK[];
  readonly #jku: JkuAddress;
  readonly #forgeries: readonly Forgery[];
  readonly #forged = new Map<string, Forged>();
  #own: OwnKey | null = null;

  constructor(keys: readonly JWK[], jku: JkuAddress, forgeries: readonly Forgery[]) {
    this.#keys = keys;
    this.#jku = jku;
    this.#forgeries = forgeries;
  }

  /** The public part of our own key, for the foreign key set. */
  get ownKeys(): readonly JWK[] {
    return this.#own === null ? [] : [this.#own.jwk];
  }

  /** Makes every forgery of this token. Throws `unavailable` when it is no JWT that can be forged. */
  async learn(identity: string, token: string): Promise<void> {
    if (this.#forgeries.every((forgery) => forgery === 'missing')) return;
    const { header, claims } = decode(identity, token);
    const alg = header.alg !== undefined && asymmetric.test(header.alg) ? header.alg : 'RS256';
    const own = await this.#ownKey(alg);
    const provider = this.#keys.find((key) => key.kid !== undefined && key.kid === header.kid) ?? this.#keys[0];
    const forged = new Map<Forgery, Readonly<Record<Arm, Forms>>>();
    for (const forgery of this.#forgeries) {
      if (forgery === 'missing') continue;
      const [control, experiment] = await Promise.all(
        arms.map((arm) => make(forgery, { identity, header, claims, own, provider, jku: this.#jku(arm) })),
      );
      forged.set(forgery, { control: control ?? [], experiment: experiment ?? [] });
    }
    this.#forged.set(identity, forged);
  }

  /** The forged credential; undefined when none was made of this identity's token. `turn` chooses among its forms. */
  credential(identity: string, forgery: Forgery, arm: Arm, turn: number): string | undefined {
    const forms = this.#forged.get(identity)?.get(forgery)?.[arm] ?? [];
    return forms[turn % Math.max(forms.length, 1)];
  }

  async #ownKey(alg: string): Promise<OwnKey> {
    if (this.#own?.alg === alg) return this.#own;
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 });
    const jwk = { ...(await exportJWK(publicKey)), kid: `k-${randomBytes(8).toString('hex')}`, use: 'sig', alg };
    this.#own = { alg, privateKey, jwk };
    return this.#own;
  }
}

type Material = {
  readonly identity: string;
  readonly header: JWTHeaderParameters;
  readonly claims: JWTPayload;
  readonly own: OwnKey;
  readonly provider: JWK | undefined;
  readonly jku: string;
};

async function make(forgery: Exclude<Forgery, 'missing'>, { identity, header, claims, own, provider, jku }: Material): Promise<Forms> {
  const known = { ...header, alg: own.alg };
  const sign = (head: JWTHeaderParameters, body = claims) => new SignJWT(body).setProtectedHeader(head).sign(own.privateKey);
  switch (forgery) {
    case 'alg-none':
      // Verifiers have compared the name with and without regard to case: each spelling was a hole somewhere.
      return ['none', 'None', 'nOnE'].map((alg) => `${part({ ...header, alg })}.${part(claims)}.`);
    case 'hs256-public-key':
      return secretsFrom(identity, provider).map((secret) => {
        const signed = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`;
        return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
      });
    case 'unknown-kid':
      return Promise.all([sign({ ...known, kid: own.jwk.kid ?? '' }), sign({ ...known, kid: '../../../../dev/null' })]);
    case 'foreign-jku':
      return [await sign({ ...known, kid: own.jwk.kid ?? '', jku })];
    case 'wrong-key':
      return [await sign(known)];
    case 'expired': {
      const past = Math.floor((claims.exp ?? 0) - 86_400);
      return [await sign(known, { ...claims, exp: past, iat: past - 300 })];
    }
  }
}

/** The forms in which verifiers have been known to take the public key for a shared secret. */
function secretsFrom(identity: string, jwk: JWK | undefined): readonly (string | Buffer)[] {
  if (!jwk)
    throw new HaldaneError(
      'unavailable',
      `no public key of the provider was found for the token of "${identity}": HS256 cannot be forged with it; check synthetic.jwksUrl`,
    );
  const key = createPublicKey({ key: jwk as NodeJwk, format: 'jwk' });
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  return [pem, pem.trimEnd(), key.export({ type: 'spki', format: 'der' }), JSON.stringify(jwk)];
}

function decode(identity: string, token: string): { header: JWTHeaderParameters; claims: JWTPayload } {
  try {
    return { header: decodeProtectedHeader(token) as JWTHeaderParameters, claims: decodeJwt(token) };
  } catch {
    // The cause is left out: it could repeat a part of the token.
    throw new HaldaneError(
      'unavailable',
      `the token of the synthetic identity "${identity}" is no JWT, so none can be forged from it; ask its provider for JWT access tokens`,
    );
  }
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
