// One runner as a process of its own, over the shared database and the world outside. Its own mirror of the world answers for traffic.

import { type AnyChangeKind, type Claim, type Json, type Platform, systemClock } from '@haldane/core';
import type { World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import { Runner, type Timing } from '@haldane/runner';
import { tracingOf } from '@haldane/standalone';
import { type Address, openStore } from '@haldane/store';
import { MemoryMetrics, MemoryPlatform, MemoryProber, MemoryWorld, sampleDeployment, sampleScenario } from '@haldane/testkit';
import type { Asked } from './outside.ts';

type Given = {
  readonly address: Address;
  readonly outside: string;
  readonly name: string;
  readonly timing: Timing;
  readonly pools?: readonly string[];
  readonly traces?: string;
};
const { address, outside, name, timing, pools = [], traces } = JSON.parse(process.argv[2] ?? '') as Given;
const clock = systemClock;
const store = await openStore({ ...address, poolSize: 6 });

async function ask(asked: Asked, signal: AbortSignal): Promise<Json> {
  const response = await fetch(outside, { method: 'POST', body: JSON.stringify(asked), signal });
  const answer = (await response.json()) as { value?: Json; error?: string };
  if (!response.ok) throw new Error(answer.error);
  return answer.value ?? null;
}

/** The kind outside, and the same move in the mirror. */
function mirrored(kind: AnyChangeKind): AnyChangeKind {
  const there = (what: 'capture' | 'apply' | 'revert' | 'isReverted') => (params: never, before: Json, signal: AbortSignal) =>
    ask({ do: what, kind: kind.kind, params, before: before ?? null }, signal);
  return {
    kind: kind.kind,
    capture: (params, signal) => there('capture')(params as never, null, signal),
    apply: async (params, before, signal) => {
      await there('apply')(params as never, before, signal);
      await kind.apply(params, before, signal);
    },
    revert: async (params, before, signal) => {
      await there('revert')(params as never, before, signal);
      await kind.revert(params, before, signal);
    },
    isReverted: async (params, before, signal) => (await there('isReverted')(params as never, before, signal)) === true,
  };
}

function assemble({ run }: Claim): World {
  const deployment = sampleDeployment(run.service);
  const world = new MemoryWorld(clock, timing.leaseMs);
  world.addRoute(deployment.route);
  world.clusters.set(deployment.source, { owner: 'team', until: null, revision: deployment.revision, proxies: [], instances: ['a', 'b'] });
  const mirror = new MemoryPlatform(world, clock);
  // A run that another runner handed over: what stands for it outside is set up in the mirror, before anybody looks into it.
  let mirroring: Promise<void> | undefined;
  const mirrorWhatStands = async (signal: AbortSignal) => {
    for (const { change, before, state } of await store.journal.entries(run.id))
      if (state === 'applied') await mirror.changeKinds.find(({ kind }) => kind === change.kind)?.apply(change.params, before, signal);
  };
  const platform: Platform = {
    id: mirror.id,
    settleMs: 200,
    clusters: mirror.clusters,
    traffic: mirror.traffic,
    faults: mirror.faults,
    changeKinds: mirror.changeKinds.map(mirrored),
    refusals: async () => [],
    renew: async (runId, until, signal) => {
      await ask({ do: 'renew', runId, until }, signal);
      mirroring ??= mirrorWhatStands(signal);
      await mirroring;
      await mirror.renew(runId, until);
    },
    leftovers: async (runId, signal) => (await ask({ do: 'leftovers', runId }, signal)) as readonly string[],
  };
  const lab = { clock, history: mirror.history, script: () => ({}) };
  const spec = run.experiment;
  return {
    clock,
    platform,
    pipeline: { id: 'memory', interrogate: async () => deployment },
    scenario: sampleScenario('change'),
    metrics: new MemoryMetrics({ ...lab, rate: 400, shareOf: () => spec.share, cap: spec.budget.failures, callsPerSecond: 8 }),
    prober: new MemoryProber(lab),
    alerts: spec.noticed === null ? null : store.alerts,
    judge: haldane1,
    runs: store.runs,
    journal: store.journal,
    evidence: store.evidence,
    kinds: platform.changeKinds,
    applyTimeoutMs: timing.applyTimeoutMs,
    publish: async () => undefined,
  };
}

const onTrouble = (what: string, error: unknown) => void process.stderr.write(`${name}: ${what}: ${String(error)}\n`);
const tracing = traces === undefined ? null : await tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: traces }, onTrouble);
const runner = new Runner({
  name,
  pools,
  store,
  clock,
  timing,
  assemble,
  onTrouble,
  ...(tracing === null ? {} : { traced: tracing }),
  atOnce: 40,
});
runner.start();
process.stdout.write('up\n');
process.once('SIGTERM', () => {
  void runner
    .handOver('the runner shuts down')
    .then(() => tracing?.end())
    .then(() => store.close())
    .then(() => process.exit(0));
});
