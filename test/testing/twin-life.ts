import { type Change, type ExperimentSpec, HaldaneError, type JsonObject, type Scenario, type TwinOf } from '@haldane/core';
import { perform } from '@haldane/engine';
import { makePlan } from '@haldane/experiment';
import type { AwsCalls } from '@haldane/platforms';
import { deploymentOf } from '@haldane/platforms/aws-testing';
import { scenarios } from '@haldane/scenarios';
import { Fuse, fused, sampleExperiment } from '@haldane/testkit';
import { type AwsScene, burning, platformOf } from './aws-life.ts';

const never = new AbortController().signal;

export function twinScenario(id: string): Scenario {
  const found = scenarios.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no scenario ${id}`);
  return found;
}

/** An experiment at twins of the stand's own. */
export function twinSpec(mark: string, id: string, params: JsonObject = {}): ExperimentSpec {
  return {
    ...sampleExperiment(),
    platform: 'aws',
    metrics: 'none',
    exposure: 'synthetic',
    scenario: { id, params: { like: `${mark}-${twinOf(id)}`, ...params } },
    noticed: {
      source: 'memory',
      expect: { rules: ['port-open'], receiver: 'network', withinSeconds: 10, fields: ['resource'] },
      heartbeatWithinSeconds: 5,
    },
  };
}

/** A run of this scenario from the plan to the harm, each change as the story makes it; each write of journal and account is a step of its fuse. */
export async function harmTwins(scene: AwsScene, calls: AwsCalls, id: string, fuse = new Fuse(), params: JsonObject = {}): Promise<void> {
  const { stand, clock, stores, fence, runId } = scene;
  const platform = platformOf(burning(calls, fuse), scene, fuse);
  const journal = fused(stores.journal, fuse, ['intend', 'mark']);
  const deployment = deploymentOf(stand);
  const plan = await makePlan({ runId, spec: twinSpec(stand.mark, id, params), deployment, platform, scenario: twinScenario(id) }, never);
  if (plan.refusals.length > 0) throw new HaldaneError('refused', plan.refusals.join('; '));
  const hold = { fence, leaseLeft: () => 3_600_000 };
  const make = (change: Change) => perform(journal, platform.changeKinds, hold, change, { applyTimeoutMs: 60_000, clock, signal: never });
  for (const change of plan.changes) await make(change);
  await platform.renew(runId, clock.now() + 60_000, never);
}

/** Somebody else writes at the service's own, and at the experiment's twin where there is one. */
export async function writeBeside({ stand, runId }: AwsScene, of: TwinOf): Promise<void> {
  await stand.others.add(of, `${stand.mark}-${of}`);
  const twin = `haldane-${runId}-experiment`;
  if ((await stand.calls.twins[of].original(twin, never)) !== null) await stand.others.add(of, twin);
}

/** What a scenario at twins is about. */
export function twinOf(id: string): TwinOf {
  const contact = twinScenario(id).contact({});
  if (contact.unit !== 'twin') throw new Error(`scenario ${id} is at no twin`);
  return contact.order.of;
}
