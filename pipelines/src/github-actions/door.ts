import { HaldaneClient } from '@haldane/client';
import { hasCode } from '@haldane/core';
import type { Inputs } from './inputs.ts';
import { jobLogin } from './job-login.ts';
import type { Environment, Step } from './step.ts';

/** How the job gets into Haldane: by the token that it was given, or by what GitHub signs for it, again when that has run out. */
export class Door {
  readonly #inputs: Pick<Inputs, 'server' | 'token' | 'audience'>;
  readonly #env: Environment;
  readonly #step: Step;
  #client: Promise<HaldaneClient> | null = null;
  constructor(inputs: Pick<Inputs, 'server' | 'token' | 'audience'>, env: Environment, step: Step) {
    this.#inputs = inputs;
    this.#env = env;
    this.#step = step;
  }

  async ask<T>(work: (client: HaldaneClient) => Promise<T>): Promise<T> {
    const known = this.#client !== null;
    try {
      return await work(await this.#open());
    } catch (error) {
      // A login opens for minutes, and a run may take hours: but one that opened nothing at all opens nothing when it is repeated.
      if (!known || this.#inputs.token !== null || !hasCode(error, 'unauthorised')) throw error;
      this.#client = null;
      return work(await this.#open());
    }
  }

  #open(): Promise<HaldaneClient> {
    this.#client ??= this.#logIn();
    this.#client.catch(() => {
      this.#client = null;
    });
    return this.#client;
  }

  async #logIn(): Promise<HaldaneClient> {
    const { server, token, audience } = this.#inputs;
    if (token !== null) {
      this.#step.mask(token);
      return new HaldaneClient({ address: server, token });
    }
    const login = await jobLogin(audience, this.#env);
    this.#step.mask(login);
    const made = await new HaldaneClient({ address: server, token: 'none-yet' }).exchangeLogin(login);
    this.#step.mask(made.secret);
    this.#step.say(`logged in as ${made.token.subject}`);
    return new HaldaneClient({ address: server, token: made.secret });
  }
}
