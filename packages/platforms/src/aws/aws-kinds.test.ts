import {
  type AnyChangeKind,
  type Arm,
  type Change,
  type FaultPlane,
  HaldaneError,
  type Json,
  type JsonObject,
  systemClock,
  type TwinFault,
  type TwinOf,
  type TwinPlane,
} from '@haldane/core';
import { changeKindContract, type KindUnderTest } from '@haldane/testkit';
import { t as all, type Test, test } from 'tap';
import type { AwsCalls, Twins } from './aws-calls.ts';
import { type AwsPlatformOptions, awsPlatform } from './aws-platform.ts';
import { forwardOf, withGroups } from './forward.ts';
import type { SliceBefore } from './kinds/slice-kind.ts';
import {
  deploymentOf,
  editRule,
  lookAt,
  MemoryRouters,
  memoryStand,
  type ServiceStand,
  sdkStand,
  startMoto,
  twinOfs,
  twinScenarios,
} from './testing/index.ts';

// In moto thousands of calls are made; the runner, which is another process, reads the bound from the comment.
if (process.env['LANE_MOTO'] !== undefined) {
  all.setTimeout(900_000);
  all.comment('timeout=900000');
}
const { signal } = new AbortController();
const caps = { failures: 3, latencyLimitMs: 1000, creditRate: 0 };
const moto = process.env['LANE_MOTO'];

test('every kind of change holds the contract, in an account in memory', (t) => everyKind(t, (mark) => memoryStand(mark)));
test('an owner’s hook at the launch of instances is refused by its name, unless the service’s file says that arms can be without it', async (t) =>
  everyHook(t, await memoryStand('w')));
test('and in one of moto, through the real SDK', {
  skip: moto === undefined && 'LANE_MOTO names no moto_server; .ci/run installs one',
}, async (t) => {
  const { url, stop } = await startMoto(moto ?? '', { policies: true });
  t.teardown(stop);
  const connection = { region: 'eu-west-1', endpoint: url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const hooked = await sdkStand('hooked', connection);
  await everyHook(t, hooked);
  hooked.close();
  await everyKind(t, (mark, beside) =>
    sdkStand(mark, connection, { beside: beside === undefined ? [] : [beside], sideDoor: { port: 9800 } }),
  );
});

test('a twin carries the run’s tags and none of the service’s, for controllers choose by tags what new instances get, and says which', async (t) => {
  const stand = await memoryStand('w');
  const { firewall } = stand.calls.twins;
  const theirs = {
    Name: 'payments',
    'karpenter.sh/discovery': 'main',
    'kubernetes.io/cluster/main': 'owned',
    'aws:cloudformation:stack-id': 's',
  };
  const original = await firewall.find('w-firewall', signal);
  if (original === null) throw new Error('the stand has no firewall');
  await firewall.setTags(original, theirs, signal);
  const { changeKinds, faults } = awsPlatform({ calls: stand.calls, clock: systemClock });
  const twin = changesOf(stand).twin('firewall', 'control');
  await changeKinds.find(({ kind }) => kind === twin.kind)?.apply(twin.params, null, signal);
  const made = await firewall.find('haldane-wr-control', signal);
  t.same(Object.keys(made?.tags ?? {}).sort(), ['haldane:arm', 'haldane:expires', 'haldane:run']);
  const order = { of: 'firewall', like: 'w-firewall', scenario: 'sg-port-open' } as const;
  const described = await twinsOf(faults).describe(deploymentOf(stand), 'wr', 'control', order, signal);
  const named = described?.differs.join() ?? '';
  for (const key of [...Object.keys(theirs), 'team']) t.match(named, key);
});

test("a journal that names production's target group as the run's arm moves nobody", async (t) => {
  const stand = await memoryStand('w');
  const all = changesOf(stand);
  const kindOf = (change: Change) =>
    awsPlatform({ calls: stand.calls, clock: systemClock, leaveMs: 0 }).changeKinds.find(
      ({ kind }) => kind === change.kind,
    ) as AnyChangeKind;
  for (const change of [...all.targets, ...all.doors]) await kindOf(change).apply(change.params, null, signal);
  const slice = kindOf(all.slice);
  const before = (await slice.capture(all.slice.params, signal)) as SliceBefore;
  const stood = await lookAt(stand);
  const [theirs] = forwardOf(before.actions)?.groups ?? [];
  const forged = {
    ...before,
    arms: [theirs?.targetGroup ?? ''],
    actions: withGroups(before.actions, [{ targetGroup: before.arms[0] ?? '', weight: 1 }]),
  };
  for (const ask of ['revert', 'isReverted'] as const)
    await t.rejects(
      async () => void (await slice[ask](all.slice.params, forged, signal)),
      { code: 'denied', message: /is not of run wr/ },
      ask,
    );
  t.same(await lookAt(stand), stood);
});

test('a twin that is read a little old after the harm is asked again, and one that reads as neither is in conflict', async (t) => {
  const stand = await memoryStand('w');
  const all = changesOf(stand);
  const harm = all.harm('firewall', portOpen);
  const kindOf = (change: Change, calls: AwsCalls) =>
    awsPlatform({ calls, clock: systemClock }).changeKinds.find(({ kind }) => kind === change.kind) as AnyChangeKind;
  const twin = all.twin('firewall', 'experiment');
  await kindOf(twin, stand.calls).apply(twin.params, null, signal);
  const { firewall } = stand.calls.twins;
  const reads = (before: JsonObject): AwsCalls => {
    const old = { isOn: async () => false, before: async () => before };
    const get = (target: Twins, name: string) => Reflect.get({ ...target, ...old }, name) as unknown;
    const late = new Proxy(firewall, { get: (target, name) => get(target, String(name)) });
    return { ...stand.calls, twins: { ...stand.calls.twins, firewall: late } };
  };
  const before = await kindOf(harm, stand.calls).capture(harm.params, signal);
  await t.rejects(kindOf(harm, reads({ wasOn: false })).apply(harm.params, before, signal), {
    code: 'unavailable',
    message: /not seen yet/,
  });
  await t.rejects(kindOf(harm, reads({ wasOn: true })).apply(harm.params, before, signal), { code: 'conflict' });
  await kindOf(harm, stand.calls).apply(harm.params, before, signal);
  t.ok(await firewall.isOn({ id: '', name: 'haldane-wr-experiment', tags: {} }, portOpen, signal), 'tried again, it is seen');
});

/** Arms are made without the hooks of production's group, so one at launch is refused unless its owner says that they can be. */
async function everyHook(t: Test, stand: ServiceStand): Promise<void> {
  const platform = awsPlatform({ calls: stand.calls, clock: systemClock });
  const refusals = (withoutHooks: readonly string[]) => platform.refusals({ ...deploymentOf(stand), withoutHooks }, signal);
  const notes = async () => (await platform.advise?.(deploymentOf(stand), [], 60, signal))?.notes.filter((one) => /hook/.test(one)) ?? [];
  t.same([await refusals([]), await notes()], [[], []], 'there is none');
  await stand.addHook({ name: 'keep-logs', isAtLaunch: false });
  t.same(await refusals([]), [], 'what is waited for at the end of an instance is nothing to arms');
  t.match(await notes(), [/end without lifecycle hook keep-logs of .*-production/]);
  await stand.addHook({ name: 'warm-up', isAtLaunch: true });
  t.match(await refusals([]), [/-production has lifecycle hook warm-up at the launch .* write withoutHooks: \[warm-up\] under "deployed"/]);
  t.match(await refusals(['warm']), [/write withoutHooks: \[warm, warm-up\]/], 'another name is another hook');
  t.same(await refusals(['warm-up']), []);
  t.match(await notes(), [/begin without lifecycle hook warm-up/, /keep-logs/]);
  await stand.addHook({ name: 'register', isAtLaunch: true });
  t.match(await refusals(['warm-up']), [/has lifecycle hook register at .*\[warm-up, register\]/]);
  t.same(await refusals(['warm-up', 'register']), []);
}

async function everyKind(t: Test, makeStand: (mark: string, beside?: TwinOf) => Promise<ServiceStand>): Promise<void> {
  const started = Date.now().toString(36).slice(-4);
  let stands = 0;
  let runs = 0;
  /** Stands in which nobody is, by what they have beside the instances: a run leaves nothing behind, so the next one can come into the same. */
  const free = new Map<TwinOf | undefined, ServiceStand[]>();
  const lend = async (beside: TwinOf | undefined): Promise<ServiceStand> => {
    const stand = free.get(beside)?.pop() ?? (await makeStand(`${started}${(stands++).toString(36)}`, beside));
    return { ...stand, runId: `${stand.mark}r${(runs++).toString(36)}` };
  };
  const world = async (
    describe: (lists: ReturnType<typeof changesOf>) => { readonly stands: readonly Change[]; readonly change: Change },
    abilities: {
      readonly takeAway?: (stand: ServiceStand) => Promise<void>;
      readonly supersede?: (stand: ServiceStand) => Promise<void>;
      readonly editBeside?: (stand: ServiceStand) => Promise<void>;
      readonly bySideDoor?: boolean;
    } = {},
    beside?: TwinOf,
  ): Promise<KindUnderTest> => {
    const stand = await lend(beside);
    const routers = abilities.bySideDoor ? new MemoryRouters() : null;
    const kinds = (calls: AwsCalls) =>
      awsPlatform({ calls, clock: systemClock, leaveMs: 0, settleMs: 0, ...sideDoorsOf(stand, routers) }).changeKinds;
    const kindOf = (change: Change, calls = stand.calls) =>
      kinds(calls).find((one) => one.kind === change.kind) as ReturnType<typeof kinds>[number];
    const { stands, change } = describe(changesOf(stand, routers));
    const made: { readonly below: Change; readonly before: Json }[] = [];
    for (const below of stands) {
      const before = (await kindOf(below).capture(below.params, signal)) as Json;
      await kindOf(below).apply(below.params, before, signal);
      made.unshift({ below, before });
    }
    const { takeAway, supersede, editBeside } = abilities;
    let isEdited = false;
    const addresses = new Set<string>();
    const editing = (edit: (stand: ServiceStand) => Promise<void>) => () => {
      isEdited = true;
      return edit(stand);
    };
    return {
      kind: kindOf(change),
      params: change.params,
      look: async () => ({
        account: await lookAt(stand),
        // Until when a lease lasts is no state that anybody has to put back, and each world's instances have addresses of their own.
        routers: JSON.stringify(await routers?.view())
          ?.replaceAll(stand.runId, 'RUN')
          .replaceAll(stand.mark, 'MARK')
          .replaceAll(/(?<=http:\/\/)[\d.]+/g, (address) => `${[...addresses.add(address)].indexOf(address)}`)
          .replaceAll(/"until":\d+/g, '"until":0'),
      }),
      async applyHalf(before, step) {
        const { calls, cut } = cutAfter(stand.calls, step);
        await kindOf(change, calls)
          .apply(change.params, before, signal)
          .catch((error: unknown) => {
            if (!cut()) throw error;
          });
        return cut();
      },
      ...(takeAway && { takeAway: () => takeAway(stand) }),
      ...(supersede && { supersede: editing(supersede) }),
      ...(editBeside && { editBeside: editing(editBeside) }),
      async close() {
        for (const { below, before } of made) await kindOf(below).revert(below.params, before, signal);
        // What somebody else wrote at a run's own went with that; at the service's it would be in the way of the next.
        if (isEdited && beside === undefined) stand.close?.();
        else free.set(beside, [...(free.get(beside) ?? []), stand]);
      },
    };
  };
  const theirRule = async ({ calls, listener, theirs }: ServiceStand) => {
    const conditions = [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/theirs/*'] } }];
    const rule = { priority: 7, conditions, actions: [{ Type: 'forward', TargetGroupArn: theirs }], tags: { owner: 'them' } };
    await calls.balancing.addRule(listener, rule, signal);
  };
  await t.test('aws.targets', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [], change: all.targets[0] }), {
        takeAway: async ({ calls, runId }) => {
          const found = await calls.balancing.targetGroup(`haldane-${runId}-control`, signal);
          await calls.balancing.removeTargetGroup(found?.arn ?? '', signal);
        },
      }),
    ),
  );
  await t.test('aws.door', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [all.targets[0]], change: all.doors[0] }), {
        editBeside: theirRule,
        takeAway: async ({ calls, listener }) => {
          for (const rule of await calls.balancing.rules(listener, signal))
            if (!rule.isDefault && rule.priority !== 900) await calls.balancing.removeRule(rule.arn, signal);
        },
      }),
    ),
  );
  await t.test('aws.cluster', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [all.targets[0], all.doors[0]], change: all.clusters[0] }), {
        editBeside: async ({ calls, mark }) => {
          await calls.groups.suspend(`${mark}-production`, ['AZRebalance'], signal);
          await calls.groups.setTags(`${mark}-production`, { edited: 'by them' }, signal);
        },
        takeAway: ({ calls, runId }) => calls.groups.removeGroup(`${runId}.control`, signal),
      }),
    ),
  );
  await t.test('aws.attach', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [...all.targets, ...all.doors], change: all.attach }), { editBeside: theirRule }),
    ),
  );
  await t.test('aws.slice', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [...all.targets, ...all.doors], change: all.slice }), {
        supersede: editRule,
        editBeside: theirRule,
        takeAway: async ({ calls, listener }) => {
          const rule = (await calls.balancing.rules(listener, signal)).find((one) => one.isDefault);
          const first = forwardOf(rule?.actions ?? [])?.groups.slice(0, 1) ?? [];
          if (rule !== undefined) await calls.balancing.setActions(listener, rule, withGroups(rule.actions, first), signal);
        },
      }),
    ),
  );
  const launched = (all: ReturnType<typeof changesOf>) => [...all.targets, ...all.doors, ...all.clusters];
  await t.test('aws.attach by a side door', (t) =>
    changeKindContract(t, () => world((all) => ({ stands: launched(all), change: all.attach }), { bySideDoor: true })),
  );
  await t.test('aws.slice by a side door', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [...launched(all), all.attach], change: all.slice }), { supersede: editRule, bySideDoor: true }),
    ),
  );
  for (const of of twinOfs)
    await t.test(`aws.twin of a ${of}`, (t) =>
      changeKindContract(t, () =>
        world(
          (all) => ({ stands: [], change: all.twin(of, 'control') }),
          {
            takeAway: async ({ calls: { twins }, runId }) => {
              const found = await twins[of].find(`haldane-${runId}-control`, signal);
              if (found !== null) await twins[of].remove(found, signal);
            },
          },
          of,
        ),
      ),
    );
  for (const { of, fault, before, theirs } of faults)
    await t.test(`aws.twin-fault ${JSON.stringify(fault)}`, (t) => {
      const twin = ({ runId }: ServiceStand) => `haldane-${runId}-experiment`;
      return changeKindContract(t, () =>
        world(
          (all) => ({ stands: [all.twin(of, 'experiment')], change: all.harm(of, fault) }),
          {
            takeAway: async (stand) => {
              const { twins } = stand.calls;
              const found = await twins[of].find(twin(stand), signal);
              if (found !== null) await twins[of].take(found, fault, before, signal);
            },
            ...(theirs === 'in the same field'
              ? { supersede: (stand) => stand.others.add(of, twin(stand)) }
              : { editBeside: (stand) => stand.others.add(of, twin(stand)) }),
            ...(theirs === 'in its place' && { supersede: (stand) => stand.others.replace(of, twin(stand), fault) }),
          },
          of,
        ),
      );
    });
  for (const stand of [...free.values()].flat()) stand.close?.();
}

/** As a new bucket has it. */
const wholeBlock = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true };
const portOpen = { mode: 'open-port', port: 4711, from: '198.51.100.0/24' } as const;
/** Where somebody else can write: a policy holds many statements, and a policy of that name may be another. */
type Theirs = 'in the same field' | 'in its place' | 'beside';
/** What every scenario at twins does, and the harmless change of the same kind; with the state before it. */
const faults: readonly { readonly of: TwinOf; readonly fault: TwinFault; readonly before: JsonObject; readonly theirs: Theirs }[] = [
  { of: 'firewall', fault: portOpen, before: { wasOn: false }, theirs: 'beside' },
  {
    of: 'bucket',
    fault: { mode: 'open-bucket', to: '198.51.100.0/24' },
    before: { policy: null, block: wholeBlock },
    theirs: 'in the same field',
  },
  { of: 'bucket', fault: { mode: 'open-bucket', to: null }, before: { policy: null, block: null }, theirs: 'in the same field' },
  { of: 'role', fault: { mode: 'colliding-right', effect: 'deny' }, before: { wasOn: false }, theirs: 'in its place' },
  { of: 'role', fault: { mode: 'all-rights', to: 'own' }, before: { wasOn: false }, theirs: 'beside' },
  { of: 'role', fault: { mode: 'all-rights', to: 'nothing' }, before: { wasOn: false }, theirs: 'beside' },
  { of: 'trail', fault: { mode: 'stopped-trail', by: 'stopping' }, before: { was: true }, theirs: 'beside' },
  { of: 'trail', fault: { mode: 'stopped-trail', by: 'signing' }, before: { was: false }, theirs: 'beside' },
];

/** The changes of a run in this stand, by what they are. */
function changesOf(stand: ServiceStand, routers: MemoryRouters | null = null) {
  const {
    clusters,
    faults: planes,
    traffic,
  } = awsPlatform({
    calls: stand.calls,
    clock: systemClock,
    ...sideDoorsOf(stand, routers),
  });
  const deployment = deploymentOf(stand);
  const { runId } = stand;
  const orderOf = (of: TwinOf) => ({ of, like: `${stand.mark}-${of}`, scenario: twinScenarios[of][0] ?? '' });
  const wirings = (['control', 'experiment'] as const).map((arm) => ({ arm, wiring: planes.wire(deployment, arm, runId) }));
  const nth = (index: number) => wirings.map(({ wiring }) => wiring.changes[index]) as [Change, Change];
  return {
    targets: nth(0),
    doors: nth(1),
    clusters: wirings.map(({ arm, wiring }) => clusters.launch(deployment, arm, wiring, runId, 2)) as [Change, Change],
    attach: traffic.attach(deployment, runId, []),
    twin: (of: TwinOf, arm: Arm) => twinsOf(planes).make(deployment, runId, arm, orderOf(of)),
    harm: (of: TwinOf, fault: TwinFault) => twinsOf(planes).fault(deployment, runId, 'experiment', orderOf(of), fault),
    slice: traffic.slice(deployment, runId, { name: 'watch', share: 0.05, exposure: 'all', caps }),
  };
}

function sideDoorsOf({ mark }: ServiceStand, dataplane: MemoryRouters | null): Pick<AwsPlatformOptions, 'sideDoors'> {
  if (dataplane === null) return {};
  return { sideDoors: { dataplane, doors: { [`${mark}-alb:80`]: { targetGroup: `${mark}-side`, port: 9800 } } } };
}

function twinsOf({ twins }: FaultPlane): TwinPlane {
  if (twins === undefined) throw new Error('the platform can make no twin');
  return twins;
}

/** The same calls until so many have changed something; from then on each fails. */
function cutAfter(calls: AwsCalls, moves: number): { readonly calls: AwsCalls; readonly cut: () => boolean } {
  let left = moves;
  let isCut = false;
  const watched = <T extends object>(service: T): T =>
    new Proxy(service, {
      get(target, name) {
        const call = Reflect.get(target, name) as (...given: unknown[]) => unknown;
        return async (...given: unknown[]) => {
          if (/^(add|set|remove|suspend|equip|put|take)/.test(String(name)) && left-- <= 0) isCut = true;
          if (isCut) throw new HaldaneError('unavailable', `cut off before ${String(name)}`);
          return call.apply(target, given);
        };
      },
    });
  return {
    calls: {
      balancing: watched(calls.balancing),
      groups: watched(calls.groups),
      templates: watched(calls.templates),
      twins: {
        firewall: watched(calls.twins.firewall),
        bucket: watched(calls.twins.bucket),
        role: watched(calls.twins.role),
        trail: watched(calls.twins.trail),
      },
    },
    cut: () => isCut,
  };
}
