import { HaldaneClient } from '@haldane/client';
import { type Config, readAccess, startStack } from '@haldane/standalone';
import { remote } from './remote.ts';

/** A Haldane to talk to, and how to let go of it. */
export type Connection = { readonly client: HaldaneClient; readonly ownStack: boolean; close(): Promise<void> };

/** The Haldane that is up for this data folder, or null. */
export async function running(config: Pick<Config, 'dataDir'>): Promise<HaldaneClient | null> {
  const access = await readAccess(config.dataDir);
  if (access === null) return null;
  const client = new HaldaneClient(access);
  return (await client.alive()) ? client : null;
}

/** The Haldane that `haldane up` left running for this data folder, or else the same stack, started for as long as this command takes. */
export async function connect(config: Config): Promise<Connection> {
  const client = await running(config);
  if (client !== null) return { client, ownStack: false, close: async () => undefined };
  const stack = await startStack({ ...config, ephemeral: true });
  return { client: new HaldaneClient(stack.access), ownStack: true, close: () => stack.stop() };
}

/** The Haldane at another address, as whoever HALDANE_TOKEN or the last login there says. */
export async function connectTo(address: string, env: Readonly<Record<string, string>>): Promise<Connection> {
  return { client: await remote(address, env), ownStack: false, close: async () => undefined };
}
