import type { Block, Fence, ProbeTally, Tally } from '@haldane/core';
import { newRunId } from '@haldane/runner';
import type { Connection, Store } from '@haldane/store';
import { benchExperiment } from './bench-world.ts';
import { serverUse } from './server-use.ts';

/** Milliseconds of processor time for one run and second, here and at the server, and bytes that the server wrote for it. */
export type WriteCost = { readonly clientMs: number; readonly serverMs: number; readonly writtenBytes: number };
export type StoreCost = { readonly second: WriteCost; readonly renewal: WriteCost };

/** All runs write so many times in all, and a few times before that. */
const writes = 3_000;
const leaseMs = 3_600_000;

/**
 * What it costs to store a second of each of so many runs with what is told of it, and to renew their leases: asked for as fast as it goes, so
 * that it is the same on a machine that does other things as well.
 */
export async function storeCost(store: Store, connection: Connection, runs: number): Promise<StoreCost> {
  const fences: Fence[] = [];
  for (let n = 0; n < runs; n += 1) {
    const service = `stored-${runs}-${n}`;
    await store.runs.create({ id: newRunId(), service, environment: 'test', experiment: benchExperiment(service), key: null });
    const claim = await store.runs.claim('bench', leaseMs, 0);
    if (claim !== null) fences.push(claim.fence);
  }
  let at = 1_700_000_000;
  const rounds = Math.max(3, Math.ceil(writes / runs));
  const cost = async (write: (fence: Fence) => Promise<unknown>): Promise<WriteCost> => {
    const round = async () => {
      at += 1;
      await Promise.all(fences.map(write));
    };
    await round();
    await round();
    const before = { own: process.cpuUsage(), server: serverUse(connection) };
    for (let n = 0; n < rounds; n += 1) await round();
    const own = process.cpuUsage(before.own);
    const server = serverUse(connection);
    const each = (of: 'processorMs' | 'writtenBytes') =>
      ((server?.[of] ?? Number.NaN) - (before.server?.[of] ?? Number.NaN)) / (rounds * fences.length);
    return {
      clientMs: (own.user + own.system) / 1000 / (rounds * fences.length),
      serverMs: each('processorMs'),
      writtenBytes: each('writtenBytes'),
    };
  };
  return {
    second: await cost((fence) =>
      Promise.all([store.evidence.append(fence, { blocks: [blockAt(at)] }), store.runs.tell(fence, 'block', told(at))]),
    ),
    renewal: await cost((fence) => store.runs.renew(fence, leaseMs)),
  };
}

const each = <T>(value: T) => ({ control: value, experiment: value });
const tally = (requests: number): Tally => ({ requests, failures: 1, classes: [requests - 1, 0, 0, 0, 0, 0, 1, 0] });
const probe: ProbeTally = { sent: 10, accepted: 0, denied: 5, incidental: 0, leaky: 0, classes: [5, 0, 5, 0, 0, 0, 0, 0] };
const bins = Array.from({ length: 12 }, (_, n) => [120 + n, 2] as const);

function blockAt(at: number): Block {
  return {
    at,
    phase: 'observing',
    real: { production: tally(360), control: tally(20), experiment: tally(20) },
    keys: each(3),
    failedKeys: each(1),
    switched: 0,
    dependencyCalls: each(4),
    met: each(0),
    budget: { spent: 1, cap: 20, credit: 0.25 },
    narrowed: false,
    latency: each(bins),
    legitimate: each(probe),
    hostile: each(probe),
    healthy: each(2),
  };
}

function told(at: number) {
  const side = { requests: 20, failures: 1, legitimate: 10, hostile: 10, accepted: 0, met: 0 };
  return { at, phase: 'observing', production: 360, ...each(side), budget: { spent: 1, cap: 20, credit: 0.25 }, progress: '120 of 3600 s' };
}
