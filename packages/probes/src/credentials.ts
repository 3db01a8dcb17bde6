import { type Clock, HaldaneError, messageOf, type SyntheticIdentity } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { within } from './within.ts';

type Held = { readonly token: string; readonly refreshAt: number; readonly expiresAt: number };

const fetchTimeoutMs = 10_000;
const retryMs = 1_000;

/** The credentials of synthetic identities: got at the start, renewed before they expire, kept in memory only. */
export class Credentials {
  readonly #clock: Clock;
  readonly #egress: Egress;
  readonly #secret: (name: string) => string | undefined;
  readonly #identities: readonly SyntheticIdentity[];
  readonly #held = new Map<string, Held>();
  readonly #renewing = new Map<string, Promise<void>>();
  readonly #onToken: (identity: string, token: string) => Promise<void>;

  /** `egress`: by which providers are asked. `onToken` is awaited with each new token before it is used. */
  constructor(
    identities: readonly SyntheticIdentity[],
    secret: (name: string) => string | undefined,
    egress: Egress,
    clock: Clock,
    onToken: (identity: string, token: string) => Promise<void>,
  ) {
    this.#identities = identities;
    this.#secret = secret;
    this.#egress = egress;
    this.#clock = clock;
    this.#onToken = onToken;
  }

  /** Gets every credential. Throws `unavailable` when one cannot be had. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#identities.map((identity) => this.#renew(identity, signal)));
  }

  /** The credential, or null while there is none that is valid. Begins to renew it in the background when it is time. */
  token(identity: string): string | null {
    const held = this.#held.get(identity);
    const now = this.#clock.now();
    if (held && now >= held.refreshAt) this.#renewInBackground(identity);
    return held && now < held.expiresAt ? held.token : null;
  }

  /** Resolves when nothing is being renewed. */
  async settled(): Promise<void> {
    await Promise.all(this.#renewing.values());
  }

  #renewInBackground(name: string): void {
    const identity = this.#identities.find((one) => one.name === name);
    if (!identity || this.#renewing.has(name)) return;
    const renewal = this.#renew(identity, null)
      // The provider may be away for a while: the credential that is held serves until it expires.
      .catch(() => {
        const held = this.#held.get(name);
        if (held) this.#held.set(name, { ...held, refreshAt: this.#clock.now() + retryMs });
      })
      .finally(() => this.#renewing.delete(name));
    this.#renewing.set(name, renewal);
  }

  async #renew(identity: SyntheticIdentity, signal: AbortSignal | null): Promise<void> {
    const { token, lifetimeMs } = await this.#get(identity, signal);
    await this.#onToken(identity.name, token);
    const now = this.#clock.now();
    this.#held.set(identity.name, { token, expiresAt: now + lifetimeMs, refreshAt: now + Math.max(lifetimeMs * 0.5, lifetimeMs - 60_000) });
  }

  async #get({ name, token }: SyntheticIdentity, signal: AbortSignal | null): Promise<{ token: string; lifetimeMs: number }> {
    if (token.from === 'static') return { token: this.#wanted(name, token.valueEnv), lifetimeMs: Number.POSITIVE_INFINITY };
    const secret = this.#wanted(name, token.clientSecretEnv);
    const unavailable = (why: string, cause?: unknown) =>
      new HaldaneError(
        'unavailable',
        `the synthetic identity "${name}" cannot get a token from ${new URL(token.url).origin}: ${why}`,
        cause === undefined ? {} : { cause },
      );
    // RFC 6749, 2.3.1: id and secret are form-encoded before they are joined.
    const basic = Buffer.from(`${formEncoded(token.clientId)}:${formEncoded(secret)}`).toString('base64');
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...token.form }).toString();
    let status: number;
    let text: string;
    try {
      ({ status, text } = await within(this.#clock, fetchTimeoutMs, signal, async (abort) => {
        const headers = {
          authorization: `Basic ${basic}`,
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        };
        const answer = await this.#egress.send({ method: 'POST', url: token.url, headers, body }, abort);
        return { status: answer.status, text: answer.body };
      }));
    } catch (cause) {
      throw unavailable(messageOf(cause), cause);
    }
    const parsed = parseToken(text);
    // Only the provider's error code is repeated: what else it says may hold what was sent.
    if (status !== 200 || parsed.token === null)
      throw unavailable(
        `it answered ${status}${parsed.error === null ? '' : ` (${parsed.error})`}; check clientId, ${token.clientSecretEnv} and form`,
      );
    return { token: parsed.token, lifetimeMs: parsed.expiresIn * 1000 };
  }

  #wanted(identity: string, variable: string): string {
    const value = this.#secret(variable);
    if (value === undefined || value === '')
      throw new HaldaneError(
        'unavailable',
        `the synthetic identity "${identity}" needs the variable ${variable}, which is not set where the run is driven`,
      );
    return value;
  }
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function parseToken(text: string): { readonly token: string | null; readonly expiresIn: number; readonly error: string | null } {
  try {
    const { access_token: token, expires_in: expiresIn, error } = JSON.parse(text) as Record<string, unknown>;
    return {
      token: typeof token === 'string' && token !== '' ? token : null,
      expiresIn: typeof expiresIn === 'number' && expiresIn > 0 ? expiresIn : 300,
      error: typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : null,
    };
  } catch {
    return { token: null, expiresIn: 0, error: null };
  }
}
