import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { HaldaneError, type TokenStore, wholeScope } from '@haldane/core';
import { Caller } from './caller.ts';

/** Fixed secrets, compared in constant time by their hashes. */
export class Secrets {
  readonly #hashes: readonly Buffer[];
  constructor(secrets: readonly string[]) {
    this.#hashes = secrets.map(hash);
  }
  has(given: string): boolean {
    const wanted = hash(given);
    return given !== '' && this.#hashes.filter((known) => timingSafeEqual(known, wanted)).length > 0;
  }
}

/** Lets in who shows a token: the one that the house itself was started with, which may do everything, or one that was made for somebody. */
export class Doorkeeper {
  readonly #own: Secrets;
  readonly #tokens: Pick<TokenStore, 'open'>;
  /** Passes that were lent and not used yet. */
  readonly #lent = new Map<string, Caller['token']>();
  constructor(own: readonly string[], tokens: Pick<TokenStore, 'open'>) {
    this.#own = new Secrets(own);
    this.#tokens = tokens;
  }

  /** A secret that lets one in as this caller, once, within this process. */
  lend(token: Caller['token']): string {
    const pass = randomBytes(32).toString('base64url');
    this.#lent.set(pass, token);
    return pass;
  }

  /** Throws `unauthorised` unless the header is `Bearer <a token that opens>`. */
  async admit(header: string | undefined): Promise<Caller> {
    const given = header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : '';
    if (this.#own.has(given))
      return new Caller({
        id: 'own',
        subject: 'the owner of the data folder',
        grants: [{ role: 'admin', team: '*' }],
        scope: wholeScope,
        expiresAt: null,
      });
    const lent = this.#lent.get(given);
    if (this.#lent.delete(given) && lent !== undefined) return new Caller(lent);
    const token = given === '' || given.length > 200 ? null : await this.#tokens.open(given);
    if (token === null)
      throw new HaldaneError(
        'unauthorised',
        'this needs a token: Authorization: Bearer <token>; `haldane login` gets one, and `haldane up` wrote its own to its data folder',
      );
    return new Caller(token);
  }
}

function hash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
