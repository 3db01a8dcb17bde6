import { createHash, timingSafeEqual } from 'node:crypto';
import { HaldaneError } from '@haldane/core';

/** Tokens that let one in, compared in constant time by their hashes. */
export class Access {
  readonly #hashes: readonly Buffer[];
  constructor(tokens: readonly string[]) {
    this.#hashes = tokens.map(hash);
  }
  /** Throws `unauthorised` unless the header is `Bearer <one of the tokens>`. */
  require(header: string | undefined): void {
    const given = header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : '';
    this.requireToken(given);
  }
  requireToken(given: string): void {
    const wanted = hash(given);
    if (given === '' || !this.#hashes.some((known) => timingSafeEqual(known, wanted)))
      throw new HaldaneError(
        'unauthorised',
        'this needs a token: Authorization: Bearer <token>; `haldane up` wrote one to its data folder',
      );
  }
}

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
