import { setTimeout as sleep } from 'node:timers/promises';
import { createApi } from '@haldane/api';
import { HaldaneClient } from '@haldane/client';
import { systemClock } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import { egress } from '@haldane/egress';
import { localPlatform } from '@haldane/platforms';
import { House } from '@haldane/runner';
import { createHistogram, quantile, recordLatency } from '@haldane/statistics';
import type { Store } from '@haldane/store';
import { desk } from '../desk.ts';
import { signingKeys } from '../signing-keys.ts';

const token = 'of-the-benchmark';
const everyMs = 50;

export type AskedApi = {
  /** Milliseconds of the slowest hundredth of the questions, and how many were asked. */
  readonly p99: number;
  readonly asked: number;
};

/** An API server over the store, for as long as `work` takes, that is asked for runs, for lists of them and for what happened in them. */
export async function askApi(store: Store, dataDir: string, ids: readonly string[], work: Promise<unknown>): Promise<AskedApi> {
  const clock = systemClock;
  // Nothing that is asked here reaches a router.
  const dataplane = new DataplaneClient({ url: 'http://127.0.0.1:9', token });
  const house = new House({
    store,
    clock,
    platforms: [localPlatform({ dataDir, dataplane, clock })],
    dataplane,
    env: {},
    egress: egress([]),
    publish: async () => undefined,
  });
  const unused = async () => {
    throw new Error('the benchmark deploys nothing');
  };
  const signing = await signingKeys(dataDir);
  const api = createApi({
    desk: desk({ dataDir, env: {}, clock, store, house, pool: 'bench', poolOn: () => 'bench', deploy: unused, dataplane, signing }),
    tokens: [token],
    alertTokens: [],
    onError: (error) => process.stderr.write(`the API failed: ${String(error)}\n`),
  });
  const took = createHistogram();
  let working = true;
  const worked = work.finally(() => {
    working = false;
  });
  try {
    const client = new HaldaneClient({ address: await api.listen({ host: '127.0.0.1', port: 0 }), token });
    const questions = [(id: string) => client.run(id), () => client.runs(20), (id: string) => client.evidence(id)];
    for (let n = 0; working; n += 1) {
      const began = performance.now();
      await questions[n % questions.length]?.(ids[n % ids.length] ?? '');
      recordLatency(took, performance.now() - began);
      await sleep(everyMs);
    }
    await worked;
  } finally {
    await api.close();
  }
  return { p99: quantile(took, 0.99) ?? Number.NaN, asked: took.total };
}
