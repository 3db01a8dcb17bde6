import { type Clock, type Forgery, HaldaneError, messageOf, type Prober } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import type { JWK } from 'jose';
import { Credentials } from './credentials.ts';
import { Forger } from './forger.ts';
import { HttpSession } from './http-session.ts';
import { openJkuListener } from './jku-listener.ts';
import { within } from './within.ts';

export type ProberOptions = {
  readonly clock: Clock;
  /** By which the providers that a deployment names are asked. */
  readonly egress: Egress;
  /** The value of a secret by the name of its variable. */
  readonly secret: (name: string) => string | undefined;
  /** Markers that only protected data holds: a refusal that shows one is leaky. */
  readonly canaries?: readonly string[];
};

/**
 * Synthetic requests over HTTP. Credentials and the provider's public keys are read once at the start, from the addresses
 * in the deployment; from then on requests go to the arms' reach only (law 13). The signal of `start` ends the start, not
 * the streams: whoever holds the session stops it.
 */
export function httpProber({ clock, egress, secret, canaries = [] }: ProberOptions): Prober {
  return {
    start: async (plan, reach, signal) => {
      const used = new Set(
        [...plan.streams.flatMap((stream) => stream.requests), ...(plan.synthetic.heartbeat ? [plan.synthetic.heartbeat] : [])].map(
          (one) => one.as,
        ),
      );
      const forgeries = [...new Set(plan.streams.flatMap((stream) => stream.forgeries))];
      const keys = await providerKeys(plan.synthetic.jwksUrl, forgeries, { clock, egress }, signal);
      let publicKeys: () => readonly object[] = () => [];
      const jku = forgeries.includes('foreign-jku') ? await openJkuListener(clock, () => publicKeys()) : null;
      try {
        const forger = new Forger(keys, (arm) => jku?.address(arm) ?? '', forgeries);
        publicKeys = () => forger.ownKeys;
        const forged = new Set(
          plan.streams.filter((stream) => stream.forgeries.length > 0).flatMap((stream) => stream.requests.map((one) => one.as)),
        );
        const credentials = new Credentials(
          plan.synthetic.identities.filter((identity) => used.has(identity.name)),
          secret,
          egress,
          clock,
          async (identity, token) => {
            if (forged.has(identity)) await forger.learn(identity, token);
          },
        );
        await credentials.start(signal);
        return new HttpSession({ plan, reach, clock, credentials, forger, jku, canaries });
      } catch (error) {
        await jku?.close();
        throw error;
      }
    },
  };
}

/** The provider's public keys; none are needed where nothing is forged with them. */
async function providerKeys(
  url: string | null,
  forgeries: readonly Forgery[],
  { clock, egress }: Pick<ProberOptions, 'clock' | 'egress'>,
  signal: AbortSignal,
): Promise<readonly JWK[]> {
  if (!forgeries.includes('hs256-public-key')) return [];
  if (url === null) throw new HaldaneError('unavailable', 'synthetic.jwksUrl is not set: HS256 cannot be forged without the public keys');
  try {
    return await within(clock, 10_000, signal, async (abort) => {
      const answer = await egress.send({ method: 'GET', url, headers: { accept: 'application/json' } }, abort);
      const { keys } = JSON.parse(answer.body) as { keys?: unknown };
      if (answer.status !== 200 || !Array.isArray(keys) || keys.length === 0) throw new Error(`it answered ${answer.status} with no keys`);
      return keys as JWK[];
    });
  } catch (cause) {
    throw new HaldaneError(
      'unavailable',
      `the public keys at synthetic.jwksUrl (${new URL(url).origin}) cannot be read: ${messageOf(cause)}`,
      { cause },
    );
  }
}
