import { type AnyChangeKind, arms, type Change, type Clock, type Fence, HaldaneError, type JournalEntry } from '@haldane/core';
import { perform, type Restored, restore, undo } from '@haldane/engine';
import { makePlan } from '@haldane/experiment';
import { type AwsCalls, awsPlatform } from '@haldane/platforms';
import { deploymentOf, editRule, lookAt, MemoryRouters, memorySidecars, type ServiceStand } from '@haldane/platforms/aws-testing';
import { scenarios } from '@haldane/scenarios';
import { Fuse, fused, type MemoryStores, memoryStores, sampleExperiment } from '@haldane/testkit';

/** A run in an account, and what the account looked like before it. */
export type AwsScene = {
  readonly stand: ServiceStand;
  readonly clock: Clock;
  readonly stores: MemoryStores;
  readonly fence: Fence;
  readonly runId: string;
  readonly before: unknown;
  readonly sidecars: ReturnType<typeof memorySidecars>;
  /** Through which users come; null: the balancer's weights lead to the arms. */
  readonly routers: MemoryRouters | null;
};

const never = new AbortController().signal;

/** `bySideDoor`: users come through Haldane's routers. */
export async function setScene(stand: ServiceStand, clock: Clock, bySideDoor = false): Promise<AwsScene> {
  const stores = memoryStores(clock);
  const { runId } = stand;
  await stores.runs.create({ id: runId, service: 'payments', environment: 'test', experiment: sampleExperiment(), key: null });
  const claim = await stores.runs.claim('runner', 3_600_000, 0);
  if (claim === null) throw new Error('the run could not be claimed');
  const carried = arms.map((arm) => `${runId}.${arm}.keys`);
  const sidecars = memorySidecars(clock, carried);
  const routers = bySideDoor ? new MemoryRouters() : null;
  return { stand, clock, stores, fence: claim.fence, runId, before: await lookAt(stand), sidecars, routers };
}

/** Some of what else happens in an account while a run is in it. None of it is ours to touch. */
export async function somebodyElse(stand: ServiceStand): Promise<void> {
  const { calls, mark, listener, theirs } = stand;
  await editRule(stand);
  await calls.groups.setTags(`${mark}-production`, { edited: 'by them' }, never);
  const actions = [{ Type: 'forward', TargetGroupArn: theirs }];
  const conditions = [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/theirs/*'] } }];
  await calls.balancing.addRule(listener, { priority: 7, conditions, actions, tags: { owner: 'them' } }, never);
}

type Around = Pick<AwsScene, 'clock' | 'sidecars' | 'routers' | 'stand'>;
const dependencies = [{ name: 'keys', env: 'KEYS_URL', as: 'http', ca: null, url: 'http://keys.test/jwks' }] as const;

const routerCalls = ['putRoute', 'deleteRoute', 'attach', 'detach', 'putSlice', 'deleteSlice'] as const;

export const platformOf = (calls: AwsCalls, { clock, sidecars, routers, stand }: Around, fuse = new Fuse()) =>
  awsPlatform({
    ...(routers && {
      sideDoors: {
        dataplane: fused(routers, fuse, routerCalls),
        doors: { [`${stand.mark}-alb:80`]: { targetGroup: `${stand.mark}-side`, port: 9800 } },
      },
    }),
    calls,
    clock,
    leaveMs: 0,
    settleMs: 0,
    sidecar: {
      start: 'haldane-sidecar',
      connect: (url, token) => fused(sidecars.connect(url, token), fuse, ['renew', 'setFault', 'clearFault']),
    },
    connections: async () => ({ dependencies, intakeOff: {} }),
  });

/**
 * A run from the plan to the watch, as the story makes it, by one process: each write of the journal and each call that changes the account
 * is two steps of its fuse. Throws what went wrong.
 */
export async function goThrough(scene: AwsScene, calls: AwsCalls, fuse = new Fuse()): Promise<void> {
  const { stand, clock, stores, fence, runId } = scene;
  const platform = platformOf(burning(calls, fuse), scene, fuse);
  const journal = fused(stores.journal, fuse, ['intend', 'mark']);
  const scenario = scenarios.find((one) => one.id === 'idp-jwks-unavailable');
  if (scenario === undefined) throw new Error('there is no scenario idp-jwks-unavailable');
  const deployment = deploymentOf(stand);
  const spec = {
    ...sampleExperiment(),
    platform: 'aws',
    scenario: { id: scenario.id, params: { dependency: 'keys', mode: '503', warmth: 'warm', keyCacheSeconds: 1 } },
    share: 0.05,
  };
  const plan = await makePlan({ runId, spec, deployment, platform, scenario }, never);
  if (plan.refusals.length > 0) throw new HaldaneError('refused', plan.refusals.join('; '));
  const hold = { fence, leaseLeft: () => 3_600_000 };
  const make = (change: Change) => perform(journal, platform.changeKinds, hold, change, { applyTimeoutMs: 60_000, clock, signal: never });
  for (const change of plan.changes.filter((one) => one.kind !== 'aws.slice' && one.kind !== 'aws.fault')) {
    if (change.kind === 'aws.attach') await ready(platform.clusters.describe, runId);
    await make(change);
  }
  const [baseline, watch] = plan.changes.filter((one) => one.kind === 'aws.slice');
  for (const arm of ['control', 'experiment'] as const) await platform.traffic.reach(deployment, runId, arm, never);
  if (baseline === undefined || watch === undefined) throw new Error('the plan has no two slices');
  await make(baseline);
  await undo(journal, platform.changeKinds, hold, baseline.id, { clock, deadlineMs: 10_000, signal: never });
  const fault = plan.changes.find((one) => one.kind === 'aws.fault');
  if (fault === undefined) throw new Error('the plan has no fault');
  await platform.renew(runId, clock.now() + 60_000, never);
  await make(fault);
  await make(watch);
  await platform.renew(runId, clock.now() + 60_000, never);
}

async function ready(describe: ReturnType<typeof platformOf>['clusters']['describe'], runId: string): Promise<void> {
  for (const arm of ['control', 'experiment']) {
    const state = await describe(`${runId}.${arm}`, never);
    if (state === null || state.instances.length !== 2 || state.instances.some((one) => !one.healthy))
      throw new HaldaneError('not-healthy', `${arm} has not two healthy instances: ${JSON.stringify(state?.instances)}`);
  }
}

/** Puts the run back from the journal alone, by a process that knows nothing else. */
export function putBack(scene: AwsScene, calls: AwsCalls, deadlineMs: number): Promise<Restored> {
  const { clock, stores, fence, runId } = scene;
  const kinds: readonly AnyChangeKind[] = platformOf(calls, scene).changeKinds;
  return restore(stores.journal, kinds, fence, runId, { clock, deadlineMs, settleMs: 1 });
}

/** What is wrong after a run was put back: an account that differs from `wanted`, something of ours in it, or an open entry. */
export async function wrongs(scene: AwsScene, wanted: unknown): Promise<readonly string[]> {
  const { stand, stores, runId } = scene;
  const now = await lookAt(stand);
  const left = await platformOf(stand.calls, scene).leftovers(runId, never);
  const open = (await stores.journal.entries(runId)).filter((entry: JournalEntry) => entry.state !== 'reverted');
  return [
    ...(JSON.stringify(now) === JSON.stringify(wanted)
      ? []
      : [`the account differs: ${JSON.stringify(now)} and not ${JSON.stringify(wanted)}`]),
    ...left,
    ...(scene.sidecars.faults() > 0 ? ['a sidecar still has its fault'] : []),
    ...open.map((entry) => `${entry.change.id} is ${entry.state}`),
  ];
}

/** The calls as a process sees them whose fuse may end it. */
export function burning({ balancing, groups, templates, twins }: AwsCalls, fuse: Fuse): AwsCalls {
  return {
    balancing: fused(balancing, fuse, [
      'setActions',
      'addRule',
      'setConditions',
      'removeRule',
      'addTargetGroup',
      'setAttributes',
      'removeTargetGroup',
    ]),
    groups: fused(groups, fuse, ['addGroup', 'suspend', 'removeGroup', 'setTags']),
    templates: fused(templates, fuse, ['addTemplate', 'removeTemplate', 'setTags']),
    twins: eachKind(twins, (kind) => fused(kind, fuse, ['add', 'equip', 'remove', 'setTags', 'put', 'take'])),
  };
}

type Kinds = AwsCalls['twins'];

/** The calls about twins of each kind, seen in the same way. */
export function eachKind({ firewall, bucket, role, trail }: Kinds, seen: (kind: Kinds['bucket']) => Kinds['bucket']): Kinds {
  return { firewall: seen(firewall), bucket: seen(bucket), role: seen(role), trail: seen(trail) };
}

/**
 * Whether everything that is stuck says which resource it is about. But for a slice that was undone: it looks like the run's other one, so
 * as long as that one is stuck it seems to be back.
 */
export function namesResources({ stuck }: Restored): boolean {
  const isNamed = (word: string) =>
    /(target group|Auto Scaling group|launch template|rules?|forward action of|security group|bucket|role|audit trail) \S+/.test(word);
  const isTwin = (word: string) =>
    word.startsWith('slice:baseline: it came back') && stuck.some((one) => one.startsWith('slice:watch: rule'));
  return stuck.every((word) => isNamed(word) || isTwin(word));
}
