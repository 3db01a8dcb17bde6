import { readFile } from 'node:fs/promises';
import { type Clock, HaldaneError, messageOf, type Platform } from '@haldane/core';
import type { Dataplane } from '@haldane/dataplane';
import { awsPlatform, connectAws, type ReadConnections, readPrices, type SweepRow, sweepAws } from '@haldane/platforms';
import type { Config } from './config.ts';

const connectWithinMs = 30_000;

/** The platform over the account that the configuration names, connected. `dataplane`: the routers of this machine, by which users may come to the arms. */
export async function connectedAccount(
  aws: NonNullable<Config['aws']>,
  clock: Clock,
  connections: ReadConnections,
  dataplane: Dataplane | null,
): Promise<{ readonly platform: Platform; close(): void }> {
  const { calls, sessions, close } = await connectAws(aws, AbortSignal.timeout(connectWithinMs));
  const { prices, ceilingUsd, addresses, sidecar, sideDoors, commitTag } = aws;
  if (sideDoors !== undefined && dataplane === null)
    throw new HaldaneError(
      'bad-request',
      'HALDANE_AWS_SIDE_DOORS is set, and there are no routers here: leave it out for a runner by itself',
    );
  const budget = {
    ...(prices === undefined ? {} : { prices: readPrices(await pricesAt(prices), prices) }),
    ...(ceilingUsd === undefined ? {} : { ceilingUsd }),
  };
  const optional = {
    ...(sessions === undefined ? {} : { sessions }),
    ...(sidecar === undefined ? {} : { sidecar: { start: sidecar } }),
    ...(sideDoors === undefined || dataplane === null ? {} : { sideDoors: { dataplane, doors: sideDoors } }),
    ...(commitTag === undefined ? {} : { commitTag }),
  };
  return { platform: awsPlatform({ calls, clock, addresses, budget, connections, ...optional }), close };
}

async function pricesAt(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HaldaneError('not-found', `HALDANE_AWS_PRICES: ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** Looks in the account for what is past the expiry in its tags, with its own rights and no database; with `end`, ends it. */
export async function sweepAccount({ aws }: Pick<Config, 'aws'>, now: number, end: boolean): Promise<readonly SweepRow[]> {
  if (aws === undefined) throw new HaldaneError('bad-request', 'HALDANE_AWS_REGION is not set: name the region to sweep');
  const { role: _none, ...connection } = aws;
  const account = await connectAws(connection, AbortSignal.timeout(connectWithinMs));
  try {
    return await sweepAws({ calls: account.calls, now, end }, AbortSignal.timeout(600_000));
  } finally {
    account.close();
  }
}
