import type { Dispatcher } from 'undici';
import { CookieJar } from './cookie-jar.ts';
import type { TokenSource } from './token-source.ts';

/** What one request came to. A status of null: there was no answer, and `why` is the code of what went wrong. */
export type Sent = { readonly status: number | null; readonly latencyMs: number; readonly why?: string };

/** One user: a token and a cookie jar of its own, kept over all its requests. */
export class User {
  readonly jar = new CookieJar();
  readonly #name: string;
  readonly #tokens: TokenSource;
  #token: Promise<{ readonly token: string; readonly until: number }> | null = null;

  constructor(name: string, tokens: TokenSource) {
    this.#name = name;
    this.#tokens = tokens;
  }

  /** Gets the user's token ahead of its first request. */
  async arrive(): Promise<void> {
    await this.#currentToken();
  }

  /** Sends one request to `origin`. `since` is when it was due: time that it waited here counts as latency. */
  async send(dispatcher: Dispatcher, origin: string, pays: boolean, since: number): Promise<Sent> {
    const token = await this.#currentToken();
    const cookie = this.jar.header;
    const headers: Record<string, string> = { authorization: `Bearer ${token}`, ...(cookie === null ? {} : { cookie }) };
    const body = pays ? JSON.stringify({ amount: 1250, currency: 'EUR', to: 'coal-board', reference: `order of ${this.#name}` }) : null;
    if (body !== null) headers['content-type'] = 'application/json';
    try {
      const answer = await dispatcher.request({
        origin,
        path: pays ? '/payments' : '/accounts/me',
        method: pays ? 'POST' : 'GET',
        headers,
        body,
      });
      this.jar.take(answer.headers['set-cookie']);
      await answer.body.dump();
      return { status: answer.statusCode, latencyMs: performance.now() - since };
    } catch (error) {
      return { status: null, latencyMs: performance.now() - since, why: codeOf(error) };
    }
  }

  /** The user's token, fetched before its first use and again a minute before it ends; never two fetches at once. */
  async #currentToken(): Promise<string> {
    this.#token ??= this.#tokens.take();
    const asked = this.#token;
    try {
      const { token, until } = await asked;
      if (until - Date.now() < 60_000 && this.#token === asked) this.#token = null;
      return token;
    } catch (error) {
      if (this.#token === asked) this.#token = null;
      throw error;
    }
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' ? code : String(message ?? error);
}
