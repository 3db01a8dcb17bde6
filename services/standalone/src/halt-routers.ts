import { DataplaneClient } from '@haldane/dataplane';
import type { Config } from './config.ts';
import { liveRouters } from './local-routers.ts';

/** Another router than those of this data folder: its admin address and its token. */
export type RouterAddress = { readonly url: string; readonly token: string };

/** The routers that can be told directly: those of the data folder that are alive, and others that are named. Needs no database. */
export async function routersOf(
  config: Pick<Config, 'dataDir'>,
  others: readonly RouterAddress[] = [],
): Promise<readonly DataplaneClient[]> {
  return [...(await liveRouters(config.dataDir)), ...others.map((one) => new DataplaneClient(one))];
}
