import { HaldaneClient, serverOf } from '@haldane/client';
import { tokenFor } from './credentials.ts';

/** The Haldane at another address, as whoever HALDANE_TOKEN or the last login there says. */
export async function remote(written: string, env: Readonly<Record<string, string>>): Promise<HaldaneClient> {
  const address = serverOf(written);
  return new HaldaneClient({ address, token: await tokenFor(address, env) });
}
