import { join } from 'node:path';
import { DataplaneClient } from '@haldane/dataplane';
import { liveRouter } from '@haldane/router';
import type { Config } from './config.ts';
import { routerToken } from './router-token.ts';

/** Another router than the one of this data folder: its admin address and its token. */
export type RouterAddress = { readonly url: string; readonly token: string };

/** The routers that can be told directly: the one of the data folder if it is alive, and others that are named. Needs no database. */
export async function routersOf(
  config: Pick<Config, 'dataDir'>,
  others: readonly RouterAddress[] = [],
): Promise<readonly DataplaneClient[]> {
  const live = liveRouter(join(config.dataDir, 'router'));
  const own = live === null ? [] : [{ url: live.adminUrl, token: await routerToken(config.dataDir) }];
  return [...own, ...others].map((one) => new DataplaneClient(one));
}
