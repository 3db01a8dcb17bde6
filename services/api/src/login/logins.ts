import { createHash } from 'node:crypto';
import { HaldaneError, messageOf, type NewToken, type TokenStore } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { createRemoteJWKSet, customFetch, decodeJwt, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { TrustRule } from './trust-rule.ts';

/** Only signatures that a public key checks: with a shared secret, or none, anybody could write a login. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const leewaySeconds = 10;
/** A login is for now; one that was made longer ago was kept by somebody. */
const oldestSeconds = 3_600;
const answerWithinMs = 5_000;

/** Exchanges logins that an identity provider or a CI system signed (OpenID Connect) for what they open here. */
export class Logins {
  readonly #rules: readonly TrustRule[];
  readonly #tokens: Pick<TokenStore, 'useOnce'>;
  readonly #egress: Egress;
  readonly #keys = new Map<string, Promise<JWTVerifyGetKey>>();
  constructor(rules: readonly TrustRule[], tokens: Pick<TokenStore, 'useOnce'>, egress: Egress) {
    this.#rules = rules;
    this.#tokens = tokens;
    this.#egress = egress;
  }

  /**
   * What this login opens. Throws `unauthorised` for one that is forged, expired, too old, meant for another audience, of an issuer that is
   * not trusted, or used before; `forbidden` when it is good but no rule fits its claims.
   */
  async open(login: string): Promise<NewToken> {
    const issuer = issuerOf(login);
    const rules = this.#rules.filter((rule) => rule.issuer === issuer);
    if (rules.length === 0) throw refused('its issuer is not trusted here');
    const claims = await this.#verify(login, rules);
    const rule = rules.find((one) => fits(one, claims));
    if (rule === undefined) throw new HaldaneError('forbidden', 'this login is good, but no rule gives it anything here');
    const digest = createHash('sha256').update(login).digest('hex');
    if (!(await this.#tokens.useOnce(digest, ((claims.exp ?? 0) + 2 * leewaySeconds) * 1000)))
      throw refused('it was used before; log in again');
    return { subject: nameOf(claims), grants: rule.grants, scope: rule.scope, madeBy: `login at ${rule.issuer}`, livesMs: rule.livesMs };
  }

  async #verify(login: string, rules: readonly TrustRule[]): Promise<JWTPayload> {
    const [{ issuer }] = rules as [TrustRule];
    const keys = await this.#keysOf(issuer);
    try {
      const { payload } = await jwtVerify(login, keys, {
        issuer,
        audience: [...new Set(rules.map(({ audience }) => audience))],
        algorithms,
        clockTolerance: leewaySeconds,
        maxTokenAge: oldestSeconds,
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      return payload;
    } catch (error) {
      const { code } = (error ?? {}) as { code?: string };
      // An issuer that does not answer says nothing against the login.
      if (error instanceof HaldaneError || code === 'ERR_JWKS_TIMEOUT' || code === undefined || code === 'ERR_JOSE_GENERIC')
        throw new HaldaneError('unavailable', `the keys of ${issuer} cannot be read: ${messageOf(error)}`);
      throw refused(code === 'ERR_JWT_EXPIRED' ? 'it has expired' : 'its signature or its claims are not what they must be');
    }
  }

  /** The issuer's keys, found once by discovery; what failed is asked again the next time. */
  #keysOf(issuer: string): Promise<JWTVerifyGetKey> {
    const known = this.#keys.get(issuer);
    if (known !== undefined) return known;
    const found = discover(issuer, this.#egress);
    this.#keys.set(issuer, found);
    found.catch(() => this.#keys.delete(issuer));
    return found;
  }
}

/**
 * Where the issuer keeps its keys, by its own word: which must be about itself, and lead to no other place by a redirect. Who wrote the issuer into
 * the rules allowed its host; another that it names may be anywhere, and is asked as a stranger is.
 */
async function discover(issuer: string, egress: Egress): Promise<JWTVerifyGetKey> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  try {
    const ask = (url: string, signal: AbortSignal) =>
      egress.send(
        { method: 'GET', url, headers: { accept: 'application/json' }, byOperator: new URL(url).host === new URL(issuer).host },
        signal,
      );
    const answer = await ask(address, AbortSignal.timeout(answerWithinMs));
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
    const said = JSON.parse(answer.body) as { readonly issuer?: unknown; readonly jwks_uri?: unknown };
    if (said.issuer !== issuer) throw new Error('it says that it is another issuer');
    return createRemoteJWKSet(new URL(String(said.jwks_uri)), {
      timeoutDuration: answerWithinMs,
      [customFetch]: async (url, { signal }) => {
        const { status, body } = await ask(url, signal ?? AbortSignal.timeout(answerWithinMs));
        return new Response(body, { status });
      },
    });
  } catch (cause) {
    throw new HaldaneError('unavailable', `the issuer ${issuer} cannot be asked for its keys: ${messageOf(cause)}`, { cause });
  }
}

function issuerOf(login: string): string {
  try {
    return String(decodeJwt(login).iss);
  } catch {
    throw refused('it is no signed login');
  }
}

function fits({ audience, claims }: TrustRule, payload: JWTPayload): boolean {
  const holds = (value: unknown, wanted: string) => (Array.isArray(value) ? value.includes(wanted) : value === wanted);
  return holds(payload.aud, audience) && Object.entries(claims).every(([name, wanted]) => holds(payload[name], wanted));
}

/** How the record names them: an address that the issuer has checked, or else what it calls them. */
function nameOf({ email, email_verified, sub }: JWTPayload): string {
  const name = email_verified === true && typeof email === 'string' ? email : String(sub);
  return name.replace(/\p{Cc}/gu, ' ').slice(0, 200);
}

function refused(why: string): HaldaneError {
  return new HaldaneError('unauthorised', `this login opens nothing: ${why}`);
}
