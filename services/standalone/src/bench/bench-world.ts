import { type Claim, type Fence, type Run, systemClock } from '@haldane/core';
import type { World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import type { Store } from '@haldane/store';
import { memoryOutside, sampleExperiment, sampleScenario } from '@haldane/testkit';

const scenario = sampleScenario('change');

/** What each run of the benchmark is asked to do: observe. */
export function benchExperiment(service: string) {
  return {
    ...sampleExperiment(service),
    scenario: { id: scenario.id, params: {} },
    baselineSeconds: 5,
    // Out of reach, like the end of the budget: a run that ended would cost nothing.
    watchSeconds: 3600,
    budget: { failures: 1_000_000, latencyLimitMs: 5_000 },
  };
}

/**
 * What one run of the benchmark needs: the judge, the stores and the clock are real, so is whatever a runner does; service, router and
 * prober are in memory, each run's its own, and 1 % of what users ask fails. `stored` is told whenever a second was stored.
 */
export function benchWorld({ run }: Claim, store: Store, stored: (at: number) => void): World {
  const {
    world: _,
    history: _h,
    ...outside
  } = memoryOutside(systemClock, {
    script: () => ({ failing: 0.01 }),
    spec: run.experiment,
    deployment: { service: run.service, source: `${run.service}.production`, route: run.service },
  });
  return {
    ...outside,
    clock: systemClock,
    scenario,
    alerts: null,
    judge: haldane1,
    runs: store.runs,
    journal: store.journal,
    evidence: {
      read: (id) => store.evidence.read(id),
      append: async (fence: Fence, part) => {
        await store.evidence.append(fence, part);
        for (const { at } of part.blocks ?? []) stored(at);
      },
    },
    kinds: outside.platform.changeKinds,
    applyTimeoutMs: 8_000,
    publish: async (_run: Run) => undefined,
  };
}
