import { HaldaneClient } from '@haldane/client';
import type { Clock, ServiceRef } from '@haldane/core';
import type { Store } from '@haldane/store';

/** What a rule or a stage lets Haldane do in its name, and for how long before it is given anew. */
const operations = ['beginStage', 'getStage', 'abortStage', 'getRun', 'askGate', 'defineExperiment', 'listVerified', 'chooseExperiments'];
const livesMs = 3_600_000;

type Options = {
  readonly store: Pick<Store, 'tokens' | 'audit'>;
  /** Where the API answers. */
  readonly address: string;
  readonly clock: Clock;
};

type Given = { readonly client: HaldaneClient; readonly until: number };

/** In whose name it asks, and by whose word. */
type InName = { readonly subject: string; readonly madeBy: string };

/** Tokens by which the doorman asks in the name of whatever waits. Each is in the audit log before it is there, and ends with the doorman, or by itself. */
export class RuleRights {
  readonly #options: Options;
  readonly #given = new Map<string, Promise<Given>>();
  /** Every token that may open yet. */
  readonly #open = new Map<string, number>();
  constructor(options: Options) {
    this.#options = options;
  }

  /** Asks for this service, and nothing else. */
  async clientFor(service: ServiceRef, name: InName): Promise<HaldaneClient> {
    const key = JSON.stringify([name.subject, service.service, service.environment]);
    const known = await this.#given.get(key)?.catch(() => null);
    if (known && known.until > this.#options.clock.now()) return known.client;
    const given = this.#give(service, name);
    this.#given.set(key, given);
    return (await given).client;
  }

  /** Ends them all. */
  async end(): Promise<void> {
    const { store, clock } = this.#options;
    for (const [id, until] of this.#open) {
      if (until <= clock.now()) continue;
      await this.#note('revokeToken', `token ${id} of the doorman`);
      await store.tokens.revoke(id);
    }
    this.#open.clear();
    this.#given.clear();
  }

  async #give({ service, environment }: ServiceRef, { subject, madeBy }: InName): Promise<Given> {
    const { store, address, clock } = this.#options;
    await this.#note('makeToken', `a token for ${subject}: service ${service} in ${environment}`);
    const { token, secret } = await store.tokens.issue({
      subject,
      // The team is whoever owns the service, which the file of an experiment may be the first to say.
      grants: [{ role: 'operator', team: '*' }],
      scope: { operations, services: [service], environments: [environment] },
      madeBy,
      livesMs,
    });
    for (const [id, until] of this.#open) if (until <= clock.now()) this.#open.delete(id);
    this.#open.set(token.id, clock.now() + livesMs);
    return { client: new HaldaneClient({ address, token: secret }), until: clock.now() + livesMs / 2 };
  }

  async #note(did: 'makeToken' | 'revokeToken', to: string): Promise<void> {
    const { audit } = this.#options.store;
    await audit.append({ who: 'Haldane', token: null, from: 'the doorman', did, to, outcome: 'allowed', code: null, detail: {} });
  }
}
