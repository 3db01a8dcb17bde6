import {
  type AnyChangeKind,
  type Change,
  type FaultPlane,
  HaldaneError,
  type JsonObject,
  systemClock,
  type TwinPlane,
} from '@haldane/core';
import { changeKindContract, type KindUnderTest } from '@haldane/testkit';
import { t as all, type Test, test } from 'tap';
import type { AwsCalls, Twins } from './aws-calls.ts';
import { awsPlatform } from './aws-platform.ts';
import { forwardOf, withGroups } from './forward.ts';
import { deploymentOf, editRule, lookAt, memoryStand, type ServiceStand, sdkStand, startMoto } from './testing/index.ts';

// In moto thousands of calls are made; the runner, which is another process, reads the bound from the comment.
if (process.env['LANE_MOTO'] !== undefined) {
  all.setTimeout(900_000);
  all.comment('timeout=900000');
}
const { signal } = new AbortController();
const caps = { failures: 3, latencyLimitMs: 1000, creditRate: 0 };
const moto = process.env['LANE_MOTO'];

test('every kind of change holds the contract, in an account in memory', (t) => everyKind(t, memoryStand));
test('and in one of moto, through the real SDK', {
  skip: moto === undefined && 'LANE_MOTO names no moto_server; .ci/run installs one',
}, async (t) => {
  const { url, stop } = await startMoto(moto ?? '');
  t.teardown(stop);
  const connection = { region: 'eu-west-1', endpoint: url, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  await everyKind(t, (mark) => sdkStand(mark, connection));
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
  const [twin] = changesOf(stand).twins;
  await changeKinds.find(({ kind }) => kind === twin.kind)?.apply(twin.params, null, signal);
  const made = await firewall.find('haldane-wr-control', signal);
  t.same(Object.keys(made?.tags ?? {}).sort(), ['haldane:arm', 'haldane:expires', 'haldane:run']);
  const order = { of: 'firewall', like: 'w-firewall', scenario: 'sg-port-open' } as const;
  const described = await twinsOf(faults).describe(deploymentOf(stand), 'wr', 'control', order, signal);
  const named = described?.differs.join() ?? '';
  for (const key of [...Object.keys(theirs), 'team']) t.match(named, key);
});

test('a twin that is read a little old after the harm is asked again, and one that reads as neither is in conflict', async (t) => {
  const stand = await memoryStand('w');
  const { twins, harm } = changesOf(stand);
  const kindOf = (change: Change, calls: AwsCalls) =>
    awsPlatform({ calls, clock: systemClock }).changeKinds.find(({ kind }) => kind === change.kind) as AnyChangeKind;
  for (const twin of twins) await kindOf(twin, stand.calls).apply(twin.params, null, signal);
  const { firewall } = stand.calls.twins;
  const reads = (before: JsonObject): AwsCalls => {
    const old = { isOn: async () => false, before: async () => before };
    const get = (target: Twins, name: string) => Reflect.get({ ...target, ...old }, name) as unknown;
    return { ...stand.calls, twins: { firewall: new Proxy(firewall, { get: (target, name) => get(target, String(name)) }) } };
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

async function everyKind(t: Test, makeStand: (mark: string) => Promise<ServiceStand>): Promise<void> {
  let worlds = 0;
  const started = Date.now().toString(36).slice(-4);
  const world = async (
    describe: (lists: ReturnType<typeof changesOf>) => { readonly stands: readonly Change[]; readonly change: Change },
    abilities: {
      readonly takeAway?: (stand: ServiceStand) => Promise<void>;
      readonly supersede?: (stand: ServiceStand) => Promise<void>;
    } = {},
  ): Promise<KindUnderTest> => {
    const stand = await makeStand(`${started}${(worlds++).toString(36)}`);
    const kinds = (calls: AwsCalls) => awsPlatform({ calls, clock: systemClock, leaveMs: 0, settleMs: 0 }).changeKinds;
    const kindOf = (change: Change, calls = stand.calls) =>
      kinds(calls).find((one) => one.kind === change.kind) as ReturnType<typeof kinds>[number];
    const { stands, change } = describe(changesOf(stand));
    for (const below of stands) await kindOf(below).apply(below.params, await kindOf(below).capture(below.params, signal), signal);
    const { takeAway, supersede } = abilities;
    return {
      kind: kindOf(change),
      params: change.params,
      look: () => lookAt(stand),
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
      ...(supersede && { supersede: () => supersede(stand) }),
      close: async () => (stand as { close?: () => void }).close?.(),
    };
  };
  await t.test('aws.targets', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [], change: all.targets[0] }), {
        takeAway: async ({ calls, mark }) => {
          const found = await calls.balancing.targetGroup(`haldane-${mark}r-control`, signal);
          await calls.balancing.removeTargetGroup(found?.arn ?? '', signal);
        },
      }),
    ),
  );
  await t.test('aws.door', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [all.targets[0]], change: all.doors[0] }), {
        takeAway: async ({ calls, listener }) => {
          for (const rule of await calls.balancing.rules(listener, signal))
            if (!rule.isDefault) await calls.balancing.removeRule(rule.arn, signal);
        },
      }),
    ),
  );
  await t.test('aws.cluster', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [all.targets[0], all.doors[0]], change: all.clusters[0] }), {
        takeAway: ({ calls, mark }) => calls.groups.removeGroup(`${mark}r.control`, signal),
      }),
    ),
  );
  await t.test('aws.attach', (t) =>
    changeKindContract(t, () => world((all) => ({ stands: [...all.targets, ...all.doors], change: all.attach }))),
  );
  await t.test('aws.slice', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [...all.targets, ...all.doors], change: all.slice }), {
        supersede: editRule,
        takeAway: async ({ calls, listener }) => {
          const rule = (await calls.balancing.rules(listener, signal)).find((one) => one.isDefault);
          const first = forwardOf(rule?.actions ?? [])?.groups.slice(0, 1) ?? [];
          if (rule !== undefined) await calls.balancing.setActions(listener, rule, withGroups(rule.actions, first), signal);
        },
      }),
    ),
  );
  await t.test('aws.twin', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: [], change: all.twins[0] }), {
        takeAway: async ({ calls: { twins }, mark }) => {
          const found = await twins.firewall.find(`haldane-${mark}r-control`, signal);
          if (found !== null) await twins.firewall.remove(found, signal);
        },
      }),
    ),
  );
  await t.test('aws.twin-fault', (t) =>
    changeKindContract(t, () =>
      world((all) => ({ stands: all.twins, change: all.harm }), {
        takeAway: async ({ calls: { twins }, mark }) => {
          const found = await twins.firewall.find(`haldane-${mark}r-experiment`, signal);
          if (found !== null) await twins.firewall.take(found, portOpen, { wasOn: false }, signal);
        },
      }),
    ),
  );
}

const portOpen = { mode: 'open-port', port: 4711, from: '198.51.100.0/24' } as const;

/** The changes of a run in this stand, by what they are. */
function changesOf(stand: ServiceStand) {
  const { clusters, faults, traffic } = awsPlatform({ calls: stand.calls, clock: systemClock });
  const deployment = deploymentOf(stand);
  const runId = `${stand.mark}r`;
  const order = { of: 'firewall', like: `${stand.mark}-firewall`, scenario: 'sg-port-open' } as const;
  const wirings = (['control', 'experiment'] as const).map((arm) => ({ arm, wiring: faults.wire(deployment, arm, runId) }));
  const nth = (index: number) => wirings.map(({ wiring }) => wiring.changes[index]) as [Change, Change];
  return {
    targets: nth(0),
    doors: nth(1),
    clusters: wirings.map(({ arm, wiring }) => clusters.launch(deployment, arm, wiring, runId, 2)) as [Change, Change],
    attach: traffic.attach(deployment, runId, []),
    twins: (['control', 'experiment'] as const).map((arm) => twinsOf(faults).make(deployment, runId, arm, order)) as [Change, Change],
    harm: twinsOf(faults).fault(deployment, runId, 'experiment', order, portOpen),
    slice: traffic.slice(deployment, runId, { name: 'watch', share: 0.05, exposure: 'all', caps }),
  };
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
      twins: { firewall: watched(calls.twins.firewall) },
    },
    cut: () => isCut,
  };
}
