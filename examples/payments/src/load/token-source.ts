import type { Dispatcher } from 'undici';

export type TokenClient = { readonly id: string; readonly secret: string };

/** Gets tokens from the identity provider, each a new one, taking the clients in turn. */
export class TokenSource {
  readonly #url: string;
  readonly #clients: readonly TokenClient[];
  readonly #dispatcher: Dispatcher;
  #next = 0;

  constructor(url: string, clients: readonly TokenClient[], dispatcher: Dispatcher) {
    this.#url = url;
    this.#clients = clients;
    this.#dispatcher = dispatcher;
  }

  /** A token and when it ends (epoch ms). */
  async take(): Promise<{ readonly token: string; readonly until: number }> {
    const client = this.#clients[this.#next % this.#clients.length];
    this.#next += 1;
    if (client === undefined) throw new Error('there is no client to get a token for');
    // RFC 6749 2.3.1 has both form-encoded before they are joined.
    const basic = Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64');
    const url = new URL(this.#url);
    const answer = await this.#dispatcher.request({
      origin: url.origin,
      path: url.pathname,
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=client_credentials',
    });
    const body = (await answer.body.json()) as { access_token?: string; expires_in?: number };
    if (answer.statusCode !== 200 || body.access_token === undefined)
      throw new Error(`the identity provider answered ${answer.statusCode} to ${client.id}`);
    return { token: body.access_token, until: Date.now() + (body.expires_in ?? 60) * 1000 };
  }
}
