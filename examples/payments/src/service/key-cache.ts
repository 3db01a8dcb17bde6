import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

/** Keys as they were last fetched. */
export type HeldKeys = {
  readonly fetchedAt: number;
  readonly find: JWTVerifyGetKey;
  /** The public keys as PEM text, in the order of the key set. */
  readonly pems: readonly string[];
};

export type KeyCacheOptions = {
  readonly url: string;
  /** How long fetched keys count as fresh. */
  readonly holdMs: number;
  /** How long to wait after a failed fetch. */
  readonly retryMs: number;
  /** A fetch that takes longer has failed. */
  readonly timeoutMs: number;
  readonly onFailure: (failure: { readonly reason: string; readonly keyAgeMs: number | null }) => void;
};

/**
 * The identity provider's public keys, fetched ahead of need. An answer without a usable key counts as a failed fetch: an empty
 * key set must not push out good keys. Nothing in a token can make it fetch, so strangers cannot make it flood the provider.
 */
export class KeyCache {
  readonly #options: KeyCacheOptions;
  #held: HeldKeys | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pending: Promise<HeldKeys | null> | null = null;
  #failing = false;
  #closed = false;

  constructor(options: KeyCacheOptions) {
    this.#options = options;
  }

  /** The last good keys, however old, or null on an instance that never got any. */
  get held(): HeldKeys | null {
    return this.#held;
  }

  /** Milliseconds since the last good fetch, or null. */
  get ageMs(): number | null {
    return this.#held === null ? null : Date.now() - this.#held.fetchedAt;
  }

  get fresh(): boolean {
    const age = this.ageMs;
    return age !== null && age < this.#options.holdMs;
  }

  /** True while the newest attempt to fetch has failed. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Fetches now and from then on whenever the keys have aged, without any request having to wait. */
  async keepFresh(): Promise<void> {
    await this.refresh();
    this.#schedule();
  }

  /** One fetch; those who ask while it runs share it. Null when it failed. */
  refresh(): Promise<HeldKeys | null> {
    this.#pending ??= this.#fetch().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    const wait = this.#failing ? this.#options.retryMs : Math.max(0, this.#options.holdMs - (this.ageMs ?? this.#options.holdMs));
    this.#timer = setTimeout(() => {
      void this.refresh().then(() => this.#schedule());
    }, wait);
    this.#timer.unref();
  }

  async #fetch(): Promise<HeldKeys | null> {
    try {
      const answer = await fetch(this.#options.url, {
        signal: AbortSignal.timeout(this.#options.timeoutMs),
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error',
      });
      if (answer.status !== 200) {
        await answer.body?.cancel();
        throw new Error(`status ${answer.status}`);
      }
      this.#held = readKeys((await answer.json()) as JSONWebKeySet);
      this.#failing = false;
      return this.#held;
    } catch (error) {
      this.#failing = true;
      if (!this.#closed) this.#options.onFailure({ reason: reasonOf(error), keyAgeMs: this.ageMs });
      return null;
    }
  }
}

function readKeys(set: JSONWebKeySet): HeldKeys {
  const usable = Array.isArray(set?.keys) ? set.keys.filter((key) => key.kty === 'RSA' && key.use !== 'enc') : [];
  if (usable.length === 0) throw new Error('no usable key in the answer');
  const pems = usable.map((key) =>
    createPublicKey({ key: { ...key }, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString(),
  );
  return { fetchedAt: Date.now(), find: createLocalJWKSet({ keys: usable }), pems };
}

/** Short and from a closed list as far as possible: it goes into the audit log. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error.name === 'TimeoutError') return 'timeout';
  if (error instanceof SyntaxError) return 'not JSON';
  const code = (error.cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : error.message.slice(0, 60);
}
