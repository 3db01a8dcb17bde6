import type { Arm, BudgetCaps, Change, Deployment, ExperimentSpec, Platform, Scenario } from '@haldane/core';
import { arms, HaldaneError, plainSlice, timesOf } from '@haldane/core';

/**
 * Every change of a run, in the order in which it is made. The plan prints this list and the stages make it: one source.
 * The order in which the arms are launched is drawn from the run's id, so that neither is always first.
 */
export type ChangeList = {
  /** Proxies on every dependency of both arms, twins and placebos, then both clusters. */
  readonly provision: readonly (readonly Change[])[];
  /** Arms become reachable for synthetic requests; null where nobody asks them for anything. */
  readonly attach: Change | null;
  /** Real users in the baseline; null when only synthetic requests are exposed. */
  readonly baselineSlice: Change | null;
  /** Real users after the proof, a slice for each stage of the ramp; the latest that was made governs. None when only synthetic requests are exposed. */
  readonly watchSlices: (creditRate: number) => readonly Change[];
  /** The one act; empty for a rehearsal, or when the hostile request is itself the act. */
  readonly inject: readonly Change[];
};

export function changesOf(runId: string, spec: ExperimentSpec, deployment: Deployment, platform: Platform, scenario: Scenario): ChangeList {
  const target = { runId, deployment, faults: platform.faults };
  const prepared = inOrder(scenario.prepare(spec.scenario.params, target));
  const inject = spec.fault ? scenario.inject(spec.scenario.params, target) : [];
  if (scenario.traffic === 'none') return { provision: prepared, attach: null, baselineSlice: null, watchSlices: () => [], inject };
  const order: readonly Arm[] = drawn(runId) ? arms : [...arms].reverse();
  const wirings = order.map((arm) => ({ arm, wiring: platform.faults.wire(deployment, arm, runId) }));
  const clusters = wirings.map(({ arm, wiring }) =>
    platform.clusters.launch(deployment, arm, wiring, runId, spec.instances * timesOf(spec, arm)),
  );
  const caps = (creditRate: number): BudgetCaps => ({
    failures: spec.budget.failures,
    ...(spec.budget.users === undefined ? {} : { users: spec.budget.users }),
    latencyLimitMs: spec.budget.latencyLimitMs,
    creditRate,
  });
  const { ramp, ...rules } = spec.slice ?? plainSlice;
  const slice = (name: string, share: number, creditRate: number, underFault: boolean) =>
    platform.traffic.slice(deployment, runId, {
      name,
      share,
      ...(spec.controlTimes === undefined ? {} : { controlTimes: spec.controlTimes }),
      exposure: spec.exposure,
      caps: caps(creditRate),
      rules,
      underFault,
    });
  const stages = [...ramp.map(({ share }, i) => ({ name: `watch-${i + 1}`, share })), { name: 'watch', share: spec.share }];
  const isExposed = spec.exposure !== 'synthetic';
  return {
    provision: [...inOrder(wirings.flatMap(({ wiring }) => wiring.changes)), ...prepared, clusters],
    attach: platform.traffic.attach(
      deployment,
      runId,
      clusters.map((cluster) => cluster.id),
    ),
    baselineSlice: isExposed ? slice('baseline', spec.share, 0, false) : null,
    watchSlices: (creditRate) => (isExposed ? stages.map(({ name, share }) => slice(name, share, creditRate, spec.fault)) : []),
    inject,
  };
}

/** What may be made together, one list after the other: each change comes after those among them that it stands on. */
function inOrder(changes: readonly Change[]): readonly (readonly Change[])[] {
  const lists: Change[][] = [];
  let left = changes;
  while (left.length > 0) {
    const waiting = new Set(left.map((change) => change.id));
    const ready = left.filter((change) => change.standsOn.every((id) => !waiting.has(id)));
    if (ready.length === 0) throw new HaldaneError('internal', `changes stand on each other: ${[...waiting].join(', ')}`);
    lists.push(ready);
    left = left.filter((change) => !ready.includes(change));
  }
  return lists;
}

/** A coin that falls the same way for the same run. */
function drawn(runId: string): boolean {
  let sum = 0;
  for (const char of runId) sum = (sum * 31 + char.charCodeAt(0)) >>> 0;
  return (sum >>> 7) % 2 === 0;
}
