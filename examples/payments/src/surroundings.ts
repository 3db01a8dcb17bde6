import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Child, startChild } from './process/child.ts';

export type Surroundings = {
  /** What the manifests and the load generator name as `${PAYMENTS_…}`. Holds secrets. */
  readonly env: PaymentsEnvironment;
  /** Where each process writes, for whoever wants to read along. */
  readonly outputs: readonly string[];
  readonly pids: readonly number[];
  /** Ends all of it; what it kept on disk stays. Harmless to repeat. */
  stop(): Promise<void>;
};

export type PaymentsEnvironment = {
  readonly PAYMENTS_IDP_URL: string;
  readonly PAYMENTS_AUDIT_URL: string;
  /** The audit sink of the detector that lacks the rule about the keys. */
  readonly PAYMENTS_UNWATCHED_AUDIT_URL: string;
  readonly PAYMENTS_DATABASE_URL: string;
  readonly PAYMENTS_SYNTHETIC_SECRET: string;
  /** JSON list of {id, secret} that the load generator's users get their tokens with. */
  readonly LOAD_CLIENTS: string;
  readonly LOAD_TOKEN_URL: string;
};

export type SurroundingsOptions = {
  /** Where the alerts of a receiver go; `{receiver}` is passed through it and filled in by the detector. */
  readonly webhookUrl: (receiver: string) => string;
  /** Output files and the database. */
  readonly dataDir: string;
};

const userClients = ['shop-web', 'shop-mobile', 'back-office', 'partner-portal'];
const main = (name: string) => new URL(`../dist/${name}/main.js`, import.meta.url);

/**
 * Starts what the payments service lives among: identity provider, two detectors (one with the rule about the keys, one without) and
 * PostgreSQL, as processes of their own. They end when `stop` is called and when this process ends, even by kill -9.
 */
export async function startSurroundings({ webhookUrl, dataDir }: SurroundingsOptions): Promise<Surroundings> {
  const clients = [...userClients, 'synthetic-payer'].map((id) => ({ id, secret: randomBytes(24).toString('base64url') }));
  const synthetic = clients.at(-1)?.secret ?? '';
  const output = (name: string) => join(dataDir, 'output', `${name}.log`);
  const rules = (name: string) => new URL(`../rules/${name}.json`, import.meta.url).pathname;
  // The receiver's name is filled in by the detector, for each alert; URL writers may have escaped the braces.
  const webhook = webhookUrl('{receiver}').replaceAll('%7Breceiver%7D', '{receiver}');
  const start = (name: string, from: string, env: Readonly<Record<string, string>>) =>
    startChild({ name, main: main(from), env, output: output(name), readyWithinMs: 60_000 });

  const settled = await Promise.allSettled([
    start('identity-provider', 'idp', { CLIENTS: JSON.stringify(clients), AUDIENCE: 'urn:payments' }),
    start('detector', 'detector', { RULES: rules('rules'), WEBHOOK_URL: webhook }),
    start('detector-without-jwks-rule', 'detector', { RULES: rules('rules-without-jwks'), WEBHOOK_URL: webhook }),
    start('database', 'database', { DATA_DIR: join(dataDir, 'database') }),
  ]);
  const children = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => {
    await Promise.all(children.map((child) => child.stop()));
  };
  const [idp, detector, unwatched, database] = children;
  if (idp === undefined || detector === undefined || unwatched === undefined || database === undefined) {
    await stop();
    throw settled.find((one) => one.status === 'rejected')?.reason;
  }
  return {
    env: {
      PAYMENTS_IDP_URL: urlOf(idp),
      PAYMENTS_AUDIT_URL: `${urlOf(detector)}/events`,
      PAYMENTS_UNWATCHED_AUDIT_URL: `${urlOf(unwatched)}/events`,
      PAYMENTS_DATABASE_URL: urlOf(database),
      PAYMENTS_SYNTHETIC_SECRET: synthetic,
      LOAD_CLIENTS: JSON.stringify(clients.filter(({ id }) => id !== 'synthetic-payer')),
      LOAD_TOKEN_URL: `${urlOf(idp)}/token`,
    },
    outputs: ['identity-provider', 'detector', 'detector-without-jwks-rule', 'database'].map(output),
    pids: children.map(({ pid }) => pid),
    stop,
  };
}

function urlOf(child: Child): string {
  return String(child.ready['url']);
}
