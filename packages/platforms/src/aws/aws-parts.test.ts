import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { arms, type Change, HaldaneError } from '@haldane/core';
import { codeOf, VirtualClock } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { awsPlatform } from './aws-platform.ts';
import { Expiry } from './expiry.ts';
import { forwardOf, sameActions, withGroups } from './forward.ts';
import { targetGroupName } from './names.ts';
import { readPrices } from './price.ts';
import { parseRouteName } from './route-name.ts';
import type { OpenSession } from './run-sessions.ts';
import { sdkCalls } from './sdk/connect.ts';
import { translateError } from './sdk/translate-error.ts';
import { shareWeights } from './share-weights.ts';
import { sweepAws } from './sweep-aws.ts';
import { deploymentOf, lookAt, type MemoryAccount, memorySidecars, memoryStand, twinOfs, twinScenarios } from './testing/index.ts';

const { signal } = new AbortController();
const caps = { failures: 3, latencyLimitMs: 1000, creditRate: 0 };

test('a share in whole weights is the nearest there is, and production keeps its proportions', (t) => {
  t.same(shareWeights([1], 0.001), { production: [998], arm: 1, share: 0.001 });
  t.same(shareWeights([1], 0.05), { production: [18], arm: 1, share: 0.05 });
  t.same(shareWeights([1], 0.4), { production: [1], arm: 2, share: 0.4 });
  const { production, arm, share } = shareWeights([90, 10], 0.02);
  t.equal((production[0] ?? 0) / (production[1] ?? 1), 9);
  t.ok(Math.abs(share - 0.02) < 0.0005 && arm >= 1, `${production.join(':')} and ${arm} are ${share}`);
  t.ok([...production, arm].every((weight) => Number.isInteger(weight) && weight >= 0 && weight <= 999));
  for (let permille = 1; permille < 490; permille += 1) {
    const reached = shareWeights([1], permille / 1000);
    t.ok(Math.abs(reached.share - permille / 1000) <= (permille / 1000) * 0.05, `${permille} per mille`);
    const sum = (reached.production[0] ?? 0) + 2 * reached.arm;
    t.equal(reached.share, reached.arm / sum, 'and what is said is what the weights are');
  }
  for (const impossible of [0.0005, 0.4999]) t.throws(() => shareWeights([1], impossible), { code: 'refused', message: /0\.1 %/ });
  t.throws(() => shareWeights([0, 0], 0.05), { code: 'refused', message: /weight 0/ });
  t.throws(() => shareWeights([500, 499], 0.0004), { code: 'refused' }, 'beside weights that cannot grow, nothing smaller fits');
  t.end();
});

test('the forward action is read in both of its forms, and nothing else of an action is lost', (t) => {
  const login = { Type: 'authenticate-oidc', Order: 1, AuthenticateOidcConfig: { Issuer: 'https://idp.test' } };
  const short = [login, { Type: 'forward', Order: 2, TargetGroupArn: 'a' }];
  t.same(forwardOf(short), { index: 1, groups: [{ targetGroup: 'a', weight: 1 }], sticky: false });
  const long = withGroups(short, [
    { targetGroup: 'a', weight: 18 },
    { targetGroup: 'b', weight: 1 },
  ]);
  t.same(long[0], login);
  t.equal(long[1]?.['TargetGroupArn'], undefined, 'AWS refuses both forms at once when they differ');
  t.ok(sameActions(short, withGroups(long, [{ targetGroup: 'a', weight: 1 }])), 'one group of weight 1 is the short form');
  t.notOk(sameActions(short, long));
  const sticky = {
    Type: 'forward',
    ForwardConfig: { TargetGroups: [{ TargetGroupArn: 'a' }], TargetGroupStickinessConfig: { Enabled: true } },
  };
  t.equal(forwardOf([sticky])?.sticky, true);
  t.notOk(sameActions([sticky], [{ Type: 'forward', TargetGroupArn: 'a' }]), 'stickiness makes a difference');
  t.equal(forwardOf([{ Type: 'redirect' }]), null);
  t.end();
});

test('names: routes as people write them, target groups as AWS allows them', (t) => {
  t.same(parseRouteName('pay-alb:443'), { loadBalancer: 'pay-alb', port: 443, priority: null });
  t.same(parseRouteName('pay-alb:443/10'), { loadBalancer: 'pay-alb', port: 443, priority: 10 });
  for (const bad of ['pay', 'pay:x', 'pay:443/', 'arn:aws:x', ''])
    t.throws(() => parseRouteName(bad), { code: 'bad-request', message: /balancer:port/ });
  t.equal(targetGroupName('rabcdefghijk', 'experiment'), 'haldane-rabcdefghijk-experiment');
  for (const runId of ['7d0ff3b1-7a44-4d0e-9d6e-0f1cbb4b8d11', 'with.dots'])
    t.match(targetGroupName(runId, 'experiment'), /^hal-[0-9a-f]{16}-experiment$/);
  t.not(targetGroupName('run.1', 'control'), targetGroupName('run.2', 'control'));
  t.end();
});

test("AWS's errors are ours, with service and call", (t) => {
  const codeFor = (name: string, message = '') => translateError('ec2', 'Call', { name, message }).code;
  for (const name of ['ThrottlingException', 'Throttling', 'RequestLimitExceeded']) t.equal(codeFor(name), 'throttled');
  for (const name of ['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']) t.equal(codeFor(name), 'denied');
  for (const name of ['TargetGroupNotFoundException', 'InvalidLaunchTemplateId.NotFound']) t.equal(codeFor(name), 'gone');
  for (const name of ['DuplicateTargetGroupNameException', 'AlreadyExistsFault', 'PriorityInUseException', 'ResourceInUseFault'])
    t.equal(codeFor(name), 'conflict');
  t.equal(codeFor('ValidationError', 'AutoScalingGroup name not found - null'), 'gone');
  t.equal(codeFor('ValidationError', 'MinSize must be a number'), 'unavailable');
  t.equal(codeFor('TimeoutError'), 'unavailable');
  const bare = translateError('s3', 'DeleteObject', { name: 'Unknown', message: 'UnknownError', $metadata: { httpStatusCode: 403 } });
  t.match(bare, { code: 'denied', message: 'AWS s3 DeleteObject: HTTP 403' }, 'an answer without a body');
  t.match(translateError('s3', 'Call', { name: 'Unknown', $metadata: {} }), { code: 'unavailable', message: /HTTP without a status/ });
  t.match(translateError('ec2', 'Call', { name: 'X', message: 'why' }).message, /AWS ec2 Call: X: why/);
  t.end();
});

test('the commit behind a launch template’s version is what it tags its instances with, and without that nobody knows it', async (t) => {
  const stand = await memoryStand('w');
  const tagged = (ResourceType: string, Value: string) => ({ TagSpecifications: [{ ResourceType, Tags: [{ Key: 'commit', Value }] }] });
  const version = async (data: object, tag?: string) => {
    const templates = { ...stand.calls.templates, data: async () => ({ ImageId: 'ami-1', ...data }) };
    const { balancing, groups, twins } = stand.calls;
    const calls = { balancing, groups, templates, twins };
    const platform = awsPlatform({ calls, clock: new VirtualClock(), ...(tag === undefined ? {} : { commitTag: tag }) });
    return platform.clusters.describe('w-production', signal);
  };
  t.match(await version(tagged('instance', 'abc1234')), { revision: 'w-template:1', commit: 'abc1234' });
  t.notOk((await version(tagged('instance', '')))?.commit);
  t.notOk((await version(tagged('volume', 'abc1234')))?.commit, 'of something else');
  t.notOk((await version(tagged('instance', 'abc1234'), 'GitCommit'))?.commit, 'the tag has another name here');
  t.notOk((await version({}))?.commit);
  const refused = { ...stand.calls.templates, data: () => Promise.reject(new HaldaneError('denied', 'no')) };
  const { balancing, groups, twins } = stand.calls;
  const calls = { balancing, groups, templates: refused, twins };
  const blind = awsPlatform({ calls, clock: new VirtualClock() });
  t.match(
    await blind.clusters.describe('w-production', signal),
    { revision: 'w-template:1', commit: undefined },
    'who may not look goes on',
  );
});

test('the plan refuses what cannot be sliced or equalled, and says what to change', async (t) => {
  const refusals = async (
    break_: (stand: Awaited<ReturnType<typeof memoryStand>>) => Promise<unknown> | unknown,
    share = 0.05,
    changes: Partial<ReturnType<typeof deploymentOf>> = {},
  ) => {
    const stand = await memoryStand('w');
    await break_(stand);
    const platform = awsPlatform({ calls: stand.calls, clock: new VirtualClock() });
    const deployment = { ...deploymentOf(stand), ...changes };
    const slice: Change = platform.traffic.slice(deployment, 'r', { name: 'watch', share, exposure: 'all', caps });
    return (await platform.refusals(deployment, signal, [slice])).join('; ');
  };
  const setActions =
    (actions: (arn: string, theirs: string) => readonly object[]) => async (stand: Awaited<ReturnType<typeof memoryStand>>) => {
      const [rule] = await stand.calls.balancing.rules(stand.listener, signal);
      const production = (await stand.calls.balancing.targetGroup('w-targets', signal))?.arn ?? '';
      if (rule) await stand.calls.balancing.setActions(stand.listener, rule, actions(production, stand.theirs) as never, signal);
    };
  t.equal(await refusals(() => undefined), '', 'a service as it should be is not refused');
  t.match(await refusals(() => undefined, 0.05, { source: 'nope' }), /no Auto Scaling group nope/);
  t.match(await refusals(() => undefined, 0.05, { route: 'nope:80' }), /no listener rule nope:80/);
  t.match(await refusals(() => undefined, 0.05, { revision: 'w-template:2' }), /is at w-template:1, but the pipeline says/);
  t.match(await refusals(() => undefined, 0.0001), /smallest is about 0\.1 %/);
  t.match(
    await refusals(() => undefined, 0.05, { intake: [{ name: 'jobs', kind: 'queue', off: {} }] }),
    /jobs would have to be turned off/,
  );
  t.match(await refusals(setActions(() => [{ Type: 'fixed-response' }])), /forwards to no target group/);
  t.match(await refusals(setActions((_, theirs) => [{ Type: 'forward', TargetGroupArn: theirs }])), /do not belong together/);
  const config = (arns: readonly string[], sticky: boolean) => [
    {
      Type: 'forward',
      ForwardConfig: {
        TargetGroups: arns.map((TargetGroupArn) => ({ TargetGroupArn, Weight: 1 })),
        TargetGroupStickinessConfig: { Enabled: sticky },
      },
    },
  ];
  t.match(await refusals(setActions((arn) => config([arn], true))), /is sticky/);
  t.match(await refusals(setActions((arn, theirs) => config([arn, theirs, 'x', 'y'], false))), /AWS allows 5/);
  const inUse = async (stand: Awaited<ReturnType<typeof memoryStand>>) => {
    await stand.calls.balancing.setTags([stand.theirs], { 'haldane:run': 'rother' }, signal);
    await setActions((arn, theirs) => config([arn, theirs], false))(stand);
  };
  t.match(await refusals(inUse), /run rother still has its arms/);
});

test('a deploy is seen from the group alone: a refresh, or instances of another version than the next one will be', async (t) => {
  const stand = await memoryStand('w');
  const account = stand.calls as MemoryAccount;
  const platform = awsPlatform({ calls: account, clock: new VirtualClock() });
  const rolling = (name = 'w-production') => platform.clusters.rolling?.(name, signal);
  t.same(await rolling(), []);
  t.same(await rolling('nope'), [], 'of a group that is not there nothing is said');
  account.editGroup('w-production', { refreshing: ['instance refresh 1f of w-production is Pending'] });
  t.same(await rolling(), ['instance refresh 1f of w-production is Pending']);
  account.editGroup('w-production', { refreshing: [], versions: ['2', '1'] });
  t.same(await rolling(), ['instances of w-production still run version 2, and new ones version 1'], 'also on the way back');
  account.editGroup('w-production', { versions: ['1', '1'] });
  t.same(await rolling(), []);

  // A group that follows the newest version is at it at once; its instances are not.
  const { balancing, groups, templates, twins } = account;
  const follow = async (name: string) => {
    const group = await groups.group(name, signal);
    return group?.template ? { ...group, template: { ...group.template, version: '$Latest' } } : group;
  };
  const following = awsPlatform({
    calls: { balancing, groups: { ...groups, group: follow }, templates, twins },
    clock: new VirtualClock(),
  });
  t.same(await following.clusters.rolling?.('w-production', signal), []);
  account.addTemplate('w-template', 2);
  t.same(await following.clusters.rolling?.('w-production', signal), [
    'instances of w-production still run version 1, and new ones version 2',
  ]);
  const blind = {
    balancing,
    groups: { ...groups, refreshing: () => Promise.reject(new HaldaneError('throttled', 'Rate exceeded')) },
    templates,
    twins,
  };
  const asked = awsPlatform({ calls: blind, clock: new VirtualClock() }).clusters.rolling?.('w-production', signal);
  t.equal(await codeOf(asked as Promise<unknown>), 'throttled', 'what cannot be asked is not nothing');
});

test('a refresh is under way in every state that does not say that it is over (answers in the shape that AWS documents)', async (t) => {
  let refreshes: readonly (readonly [string, string])[] = [];
  const member = ([status, more]: readonly [string, string]) =>
    `<member><InstanceRefreshId>08b91cf7</InstanceRefreshId><AutoScalingGroupName>web</AutoScalingGroupName><Status>${status}</Status>${more}</member>`;
  const url = await answering(t, (_path, answer) => {
    const result = `<DescribeInstanceRefreshesResult><InstanceRefreshes>${refreshes.map(member).join('')}</InstanceRefreshes></DescribeInstanceRefreshesResult>`;
    answer
      .setHeader('content-type', 'text/xml')
      .end(
        `<DescribeInstanceRefreshesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">${result}</DescribeInstanceRefreshesResponse>`,
      );
  });
  const sdk = sdkCalls(connectionTo(url));
  t.teardown(() => sdk.close());
  const under = (...all: typeof refreshes) => {
    refreshes = all;
    return sdk.groups.refreshing('web', signal);
  };
  t.same(await under(), []);
  for (const status of ['Successful', 'Failed', 'Cancelled', 'RollbackSuccessful', 'RollbackFailed'])
    t.same(await under([status, '<PercentageComplete>40</PercentageComplete>']), [], status);
  for (const status of ['Pending', 'InProgress', 'Cancelling', 'RollbackInProgress', 'Baking', 'AStateOfTheFuture'])
    t.same(await under([status, ''], ['Successful', '']), [`instance refresh 08b91cf7 of web is ${status}`]);
  t.same(await under(['InProgress', '<PercentageComplete>0</PercentageComplete>']), [
    'instance refresh 08b91cf7 of web is InProgress, 0 % done',
  ]);
});

test('arms of a service that CodeDeploy installs after launch are refused, unless the template holds the very commit that CodeDeploy says is live', async (t) => {
  const stand = await memoryStand('w');
  const account = stand.calls as MemoryAccount;
  const drain = { name: 'drain', isAtLaunch: false };
  const codeDeploys = { name: 'CodeDeploy-managed-automatic-launch-deployment-hook-prod-1f', isAtLaunch: true };
  account.editGroup('w-production', { hooks: [drain, codeDeploys] });
  const refusals = async (tagged: string | null, released: string | null) => {
    const { balancing, groups, twins } = account;
    const Tags = tagged === null ? [] : [{ Key: 'commit', Value: tagged }];
    const data = { TagSpecifications: [{ ResourceType: 'instance', Tags }] };
    const calls = { balancing, groups, templates: { ...account.templates, data: async () => data }, twins };
    const release = released === null ? {} : { release: { revision: released, artifact: null, since: null, said: [], deploying: [] } };
    return awsPlatform({ calls, clock: new VirtualClock() }).refusals({ ...deploymentOf(stand), ...release }, signal);
  };
  const commit = 'a'.repeat(40);
  t.same(await refusals(commit, commit), []);
  const why = /CodeDeploy installs the service .*\(lifecycle hook CodeDeploy-managed-.*let w-template:1 tag its instances.*"pipeline"/;
  for (const [tagged, released] of [
    [null, commit],
    ['b'.repeat(40), commit],
    [commit, null],
    [null, null],
  ] as const)
    t.match(await refusals(tagged, released), [why]);
  account.editGroup('w-production', { hooks: [drain] });
  t.same(await refusals(null, commit), [], 'without the hook the template is all that an instance is made from');
});

test('what is somebody else’s and has the name that we want is refused, and never removed', async (t) => {
  const stand = await memoryStand('w');
  const { calls } = stand;
  const platform = awsPlatform({ calls, clock: new VirtualClock(), leaveMs: 0 });
  const [targets] = platform.faults.wire(deploymentOf(stand), 'control', 'wr').changes;
  const kind = platform.changeKinds.find((one) => one.kind === 'aws.targets');
  await calls.balancing.addTargetGroup('haldane-wr-control', {}, { owner: 'them' }, signal);
  t.equal(await codeOf(kind?.apply(targets?.params, null, signal) as Promise<void>), 'denied');
  await kind?.revert(targets?.params, null, signal);
  t.ok(await calls.balancing.targetGroup('haldane-wr-control', signal), 'theirs is still there');
  t.equal(await kind?.isReverted(targets?.params, null, signal), true);
});

test('the expiry lies beyond the lease and is written again in time, not with every heartbeat', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const platform = awsPlatform({ calls: stand.calls, clock, expiryAheadMs: 60_000 });
  const until = () => clock.now() + 15_000;
  await platform.renew('wr', until(), signal);
  const first = new Date(until() + 60_000).toISOString();
  const [targets] = platform.faults.wire(deploymentOf(stand), 'control', 'wr').changes;
  await platform.changeKinds.find((one) => one.kind === 'aws.targets')?.apply(targets?.params, null, signal);
  const expires = async () => {
    const arn = (await stand.calls.balancing.targetGroup('haldane-wr-control', signal))?.arn ?? '';
    return (await stand.calls.balancing.tags([arn], signal)).get(arn)?.['haldane:expires'];
  };
  t.equal(await expires(), first);
  await clock.advance(10_000);
  await platform.renew('wr', until(), signal);
  t.equal(await expires(), first, 'not yet');
  await clock.advance(10_000);
  await platform.renew('wr', until(), signal);
  t.equal(await expires(), new Date(until() + 60_000).toISOString());
  await clock.advance(1_000);
  await awsPlatform({ calls: stand.calls, clock, expiryAheadMs: 60_000 }).renew('wr', until(), signal);
  t.equal(await expires(), new Date(until() + 60_000).toISOString(), 'a process that renews it for the first time writes at once');
});

test('a sweep takes away what has expired and nothing else, users first, from the tags alone', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('sw33p');
  const { calls } = stand;
  const deployment = deploymentOf(stand);
  const platform = awsPlatform({ calls, clock, leaveMs: 0, expiryAheadMs: 60_000 });
  const make = async ({ kind, params }: Change) => {
    const found = platform.changeKinds.find((one) => one.kind === kind);
    await found?.apply(params, await found.capture(params, signal), signal);
  };
  const before = await lookAt(stand);
  const wirings = arms.map((arm) => ({ arm, wiring: platform.faults.wire(deployment, arm, 'sw33pr') }));
  for (const { wiring } of wirings) for (const change of wiring.changes) await make(change);
  for (const { arm, wiring } of wirings) await make(platform.clusters.launch(deployment, arm, wiring, 'sw33pr', 2));
  await make(platform.traffic.attach(deployment, 'sw33pr', []));
  await make(platform.traffic.slice(deployment, 'sw33pr', { name: 'watch', share: 0.05, exposure: 'all', caps }));
  const during = await lookAt(stand);
  const sweep = (end: boolean) => sweepAws({ calls, now: clock.now(), end }, signal);

  t.same(await sweep(true), [], 'what is leased is left alone');
  await clock.advance(61_000);
  const listed = await sweep(false);
  t.ok(listed.every((row) => row.action === 'would be ended' && row.runId === 'sw33pr' && row.expiredAt !== null));
  t.same(await lookAt(stand), during, 'listing touches nothing');
  t.same(
    await sweep(true).then((rows) => rows.map((row) => row.action)),
    listed.map(() => 'ended'),
  );
  t.match(listed.at(-1)?.what, /target group/);
  t.match(listed[0]?.what, /^the arms in the default rule/);
  t.same(await sweep(true), []);
  // Production's weight is the one that stood beside the arms: alone in the action, it takes everything as before.
  const swept = JSON.parse(
    JSON.stringify(await lookAt(stand)).replace(
      /"ForwardConfig":\{"TargetGroups":\[\{"TargetGroupArn":"([^"]+)","Weight":18\}\]\}/,
      '"TargetGroupArn":"$1"',
    ),
  ) as unknown;
  t.same(swept, before);
});

test('a role from before there were sidecars and twins may not look at templates and security groups: all else goes on', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const { balancing, groups, templates, twins } = stand.calls;
  const denied = () => Promise.reject(new HaldaneError('denied', 'AWS ec2 DescribeLaunchTemplates: UnauthorizedOperation: no'));
  const firewall = { ...twins.firewall, find: denied, tagged: denied };
  const calls = { balancing, groups, templates: { ...templates, template: denied, tagged: denied }, twins: { ...twins, firewall } };
  const platform = awsPlatform({ calls, clock, leaveMs: 0, expiryAheadMs: 60_000 });
  const deployment = deploymentOf(stand);
  const wiring = platform.faults.wire(deployment, 'control', 'wr');
  for (const { kind, params } of [...wiring.changes, platform.clusters.launch(deployment, 'control', wiring, 'wr', 1)])
    await platform.changeKinds.find((one) => one.kind === kind)?.apply(params, null, signal);
  const expires = async () => (await groups.group('wr.control', signal))?.tags.find((tag) => tag.key === 'haldane:expires')?.value;
  const expected = () => new Date(clock.now() + 60_000).toISOString();

  t.equal((await platform.leftovers('wr', signal)).length, 2);
  await clock.advance(30_000);
  await platform.renew('wr', clock.now(), signal);
  t.equal(await expires(), expected());
  await clock.advance(30_000);
  t.equal(await codeOf(new Expiry(calls, clock, 60_000).renew('wr', clock.now(), signal)), 'denied', 'with one, it is said');
  t.equal(await expires(), expected(), 'when all else is written');
  const sidecar = { start: 's', connect: memorySidecars(clock).connect };
  t.equal(await codeOf(awsPlatform({ calls, clock, sidecar }).leftovers('wr', signal)), 'denied');

  await clock.advance(61_000);
  const rows = await sweepAws({ calls, now: clock.now(), end: true }, signal);
  t.match(rows.at(-2), { what: 'launch templates', action: /could not be looked for: .*DescribeLaunchTemplates/ });
  t.match(rows.at(-1), { what: 'security groups', action: /could not be looked for/ });
  t.same(
    rows.slice(0, -2).map((row) => row.action),
    ['ended', 'ended', 'ended'],
    rows.map((row) => row.what).join(),
  );
});

test('a run asks about twins of the kind that it makes, one of arms about none, and what does not answer comes last', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const asked: string[] = [];
  const heard =
    <A extends readonly unknown[], T>(what: string, call: (...given: A) => Promise<T>) =>
    (...given: A): Promise<T> => {
      asked.push(what);
      return call(...given);
    };
  const away = () => Promise.reject(new HaldaneError('unavailable', 'AWS iam GetRole: TimeoutError: no answer'));
  const { balancing, groups, templates, twins } = stand.calls;
  const calls = {
    balancing,
    groups: { ...groups, setTags: heard('arms', groups.setTags) },
    templates,
    twins: { ...twins, role: { ...twins.role, find: heard('role', away) } },
  };
  const platform = awsPlatform({ calls, clock, leaveMs: 0, expiryAheadMs: 60_000 });
  const deployment = deploymentOf(stand);
  for (const arm of arms) {
    const wiring = platform.faults.wire(deployment, arm, 'wr');
    for (const { kind, params } of [...wiring.changes, platform.clusters.launch(deployment, arm, wiring, 'wr', 1)])
      await platform.changeKinds.find((one) => one.kind === kind)?.apply(params, null, signal);
  }

  t.equal((await platform.leftovers('wr', signal, null)).length, 4, 'two groups and two target groups');
  await platform.renew('wr', clock.now(), signal, null);
  t.same(asked, ['arms', 'arms'], 'nobody asked about roles');
  t.equal((await platform.leftovers('wr', signal, 'trail')).length, 4);
  t.equal(await codeOf(platform.leftovers('wr', signal, 'role')), 'unavailable');
  t.equal(await codeOf(platform.leftovers('wr', signal)), 'unavailable', 'of a run of which nothing is known anything may be left');
  asked.length = 0;
  await clock.advance(60_000);
  t.equal(await codeOf(platform.renew('wr', clock.now(), signal, 'role')), 'unavailable');
  t.same(asked, ['arms', 'arms', 'role', 'role'], 'first what costs');
});

test('a bucket that cannot be read hides no other from the sweep, and has a row of its own', async (t) => {
  const tags = { 'haldane:run': 'r1', 'haldane:expires': new Date(0).toISOString() };
  const url = await answering(t, (path, answer) => {
    const { pathname, searchParams } = new URL(path, 'http://s3');
    const names = ['haldane-q-control', 'haldane-q-control-log', 'haldane-r1-control', 'haldane-r1-control-log'];
    const list = names.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('');
    const set = Object.entries(tags).map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
    if (pathname === '/' && searchParams.get('bucket-region') === 'eu-west-1')
      answer.end(`<ListAllMyBucketsResult><Buckets>${list}</Buckets></ListAllMyBucketsResult>`);
    else if (pathname.startsWith('/haldane-r1-') && searchParams.has('tagging'))
      answer.end(`<Tagging><TagSet>${set.join('')}</TagSet></Tagging>`);
    else answer.writeHead(403).end(`<Error><Code>AccessDenied</Code><Message>${pathname}</Message></Error>`);
  });
  const sdk = sdkCalls(connectionTo(url));
  t.teardown(() => sdk.close());
  const { calls } = await memoryStand('w');
  const rows = await sweepAws(
    {
      calls: {
        balancing: calls.balancing,
        groups: calls.groups,
        templates: calls.templates,
        twins: { ...calls.twins, bucket: sdk.twins.bucket, trail: sdk.twins.trail },
      },
      now: Date.now(),
      end: false,
    },
    signal,
  );
  t.match(rows, [
    { what: 'bucket haldane-q-control', runId: null, action: /could not be looked at: .*GetBucketTagging: AccessDenied/ },
    { what: 'bucket haldane-r1-control', runId: 'r1', action: 'would be ended' },
    { what: 'audit trail haldane-q-control', runId: null, action: /could not be looked at/ },
    { what: 'audit trail haldane-r1-control', runId: 'r1', action: 'would be ended' },
  ]);
  t.equal(rows.length, 4);
});

test('a role that cannot be read hides no other from the sweep, and one that is gone by then is none', async (t) => {
  const role = (name: string) => `<RoleName>${name}</RoleName><Arn>arn:aws:iam::123456789012:role/haldane/${name}</Arn>`;
  const tag = (key: string, value: string) => `<member><Key>${key}</Key><Value>${value}</Value></member>`;
  const ours = `<Tags>${tag('haldane:run', 'r1')}${tag('haldane:expires', new Date(0).toISOString())}</Tags>`;
  const names = ['haldane-q-control', 'haldane-r0-control', 'haldane-r1-control', 'theirs'];
  const url = await answeringForms(t, (form, answer) => {
    const name = form.get('RoleName') ?? '';
    const told = (call: string, result: string) =>
      answer.end(`<${call}Response><${call}Result>${result}</${call}Result></${call}Response>`);
    const refuse = (status: number, code: string) =>
      answer
        .writeHead(status)
        .end(`<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${name}</Message></Error></ErrorResponse>`);
    if (form.get('Action') === 'ListRoles')
      told('ListRoles', `<Roles>${names.map((one) => `<member>${role(one)}</member>`).join('')}</Roles><IsTruncated>false</IsTruncated>`);
    else if (name === 'haldane-q-control') refuse(403, 'AccessDenied');
    else if (name === 'haldane-r0-control') refuse(404, 'NoSuchEntity');
    else told('GetRole', `<Role>${role(name)}${name === 'theirs' ? '' : ours}</Role>`);
  });
  const sdk = sdkCalls(connectionTo(url));
  t.teardown(() => sdk.close());
  const { balancing, groups, templates, twins } = (await memoryStand('w')).calls;
  const calls = { balancing, groups, templates, twins: { ...twins, role: sdk.twins.role } };
  const rows = await sweepAws({ calls, now: Date.now(), end: false }, signal);
  t.match(rows, [
    { what: 'role haldane-q-control', runId: null, action: /could not be looked at: .*GetRole: AccessDenied/ },
    { what: 'role haldane-r1-control', runId: 'r1', action: 'would be ended' },
  ]);
  t.equal(rows.length, 2);
});

test("a region full of trails stands in a run's way, whoever's they are, but for its own", async (t) => {
  let names: readonly string[] = [];
  const url = await answering(t, (_path, answer) =>
    answer.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify({ trailList: names.map((Name) => ({ Name })) })),
  );
  const sdk = sdkCalls(connectionTo(url));
  t.teardown(() => sdk.close());
  const hindrance = (...all: readonly string[]) => {
    names = all;
    return sdk.twins.trail.hinders({ mode: 'stopped-trail', by: 'stopping' }, 'r1', signal);
  };
  t.equal(await hindrance('audit', 'billing', 'security', 'haldane-r1-control', 'haldane-r1-experiment'), null);
  t.match(await hindrance('audit', 'billing', 'haldane-r2-control', 'haldane-r2-experiment'), /there are 4 audit trails in this region/);
});

/** A server that plays AWS for one test: its address. */
function answering(t: Test, answer: (path: string, response: ServerResponse) => void): Promise<string> {
  return listening(t, (request, response) => {
    request.resume();
    answer(request.url ?? '/', response);
  });
}

/** The same for services whose calls are forms. */
function answeringForms(t: Test, answer: (form: URLSearchParams, response: ServerResponse) => void): Promise<string> {
  return listening(t, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => answer(new URLSearchParams(Buffer.concat(parts).toString()), response.setHeader('content-type', 'text/xml')));
  });
}

async function listening(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connectionTo(endpoint: string) {
  return { region: 'eu-west-1', endpoint, credentials: { accessKeyId: 'a', secretAccessKey: 's' }, tries: 1 };
}

test('each run works in a session of its own, that may touch what is named after it and the one rule that it slices', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const opened: { readonly runId: string; readonly policy: string }[] = [];
  let allowed: readonly string[] = [];
  const sessions: OpenSession = {
    region: 'eu-west-1',
    account: '123456789012',
    open: async (runId, policy) => {
      opened.push({ runId, policy });
      return { calls: stand.calls, expiresAt: clock.now() + 3_600_000, trespass: async () => allowed };
    },
  };
  const platform = awsPlatform({ calls: stand.calls, clock, leaveMs: 0, sessions });
  const deployment = deploymentOf(stand);
  const changes = platform.faults.wire(deployment, 'control', 'rabcdefghijk').changes;
  t.same(await platform.refusals(deployment, signal, changes), []);
  allowed = ['ec2:DescribeVpcs'];
  t.match(
    (await platform.refusals(deployment, signal, changes)).join(),
    /may call ec2:DescribeVpcs/,
    'a policy that is not in force is no fence',
  );
  for (const { kind, params } of changes) await platform.changeKinds.find((one) => one.kind === kind)?.apply(params, null, signal);
  t.equal(opened.length, 1, 'one session serves the whole run');
  await clock.advance(3_000_000);
  const [targets] = changes;
  await platform.changeKinds.find((one) => one.kind === 'aws.targets')?.isReverted(targets?.params, null, signal);
  t.equal(opened.length, 2, 'and another is opened before it ends');

  const [{ policy } = { policy: '' }] = opened;
  t.ok(policy.length <= 2048, `${policy.length} characters`);
  const { Statement } = JSON.parse(policy) as {
    Statement: { Effect: string; Action: string | string[]; Resource: string; Condition?: object }[];
  };
  t.ok(Statement.every((one) => one.Effect === 'Allow'));
  const actions = Statement.flatMap((one) => one.Action);
  for (const never of [/^iam:(?!PassRole)/, /^sts:/, /^\*/, /:\*$/, /Put|Attach/])
    t.notOk(
      actions.some((action) => never.test(action)),
      `${never}`,
    );
  const changing = Statement.filter((one) => one.Resource === '*' && !one.Condition);
  t.ok(
    changing.flatMap((one) => one.Action).every((action) => action.includes('Describe')),
    'without a condition everything may only be read',
  );
  for (const { Action, Resource, Condition } of Statement)
    if ([Action].flat().some((action) => /ModifyRule|DeleteRule/.test(action)) && !Condition)
      t.match(Resource, /^arn:memory:(listener|rule)/, 'the one that is sliced');
});

test('the plan prices the run from a table, holds a ceiling, and says who counts failures here', async (t) => {
  const stand = await memoryStand('w');
  const deployment = deploymentOf(stand);
  const advice = (budget: object) => {
    const platform = awsPlatform({ calls: stand.calls, clock: new VirtualClock(), budget });
    const changes = arms.map((arm) => platform.clusters.launch(deployment, arm, { changes: [], dependencies: [] }, 'wr', 3));
    return platform.advise?.(deployment, changes, 3000, signal);
  };
  const told = await advice({ prices: { 't3.micro': 1 }, ceilingUsd: 6 });
  t.same(told?.refusals, []);
  t.match(told?.notes.join(), /at most 6\.00 US dollars \(60 minutes/, '2 arms of 3 instances for 50 minutes and 10 to launch and end');
  t.match(told?.caps.find((cap) => cap.name.startsWith('failures'))?.enforcedBy, /balancer does not count/);
  t.match((await advice({ prices: { 't3.micro': 1 }, ceilingUsd: 5 }))?.refusals.join(), /above the ceiling of 5\.00/);
  t.match((await advice({ prices: {} }))?.refusals.join(), /price of t3\.micro is not known/);
  t.same(readPrices('{"t3.micro": 0.5}', 'f'), { 't3.micro': 0.5 });
  for (const bad of ['x', '[]', '{"t3.micro": "cheap"}', '{"t3.micro": -1}'])
    t.throws(() => readPrices(bad, 'f'), { code: 'bad-request', message: /f/ });
});

test('a session of a run at twins may make what is its own and change nothing else, of one kind of resource only', async (t) => {
  const clock = new VirtualClock();
  const stand = await memoryStand('w');
  const policies: string[] = [];
  const sessions: OpenSession = {
    region: 'eu-west-1',
    account: '123456789012',
    open: async (_runId, policy) => {
      policies.push(policy);
      return { calls: stand.calls, expiresAt: clock.now() + 3_600_000, trespass: async () => [] };
    },
  };
  const platform = awsPlatform({ calls: stand.calls, clock, leaveMs: 0, sessions });
  for (const of of twinOfs) {
    policies.length = 0;
    const order = { of, like: `w-${of}`, scenario: twinScenarios[of][0] ?? '' };
    const twin = platform.faults.twins?.make(deploymentOf(stand), 'wr', 'control', order);
    const kind = platform.changeKinds.find((one) => one.kind === twin?.kind);
    await kind?.apply(twin?.params ?? {}, null, signal);
    await kind?.revert(twin?.params ?? {}, null, signal);
    t.equal(policies.length, 1, 'one session for the run');
    const [policy = ''] = policies;
    t.ok(policy.length <= 2048);
    const { Statement } = JSON.parse(policy) as {
      Statement: { Action: string | string[]; Resource: string | string[]; Condition?: object }[];
    };
    for (const { Action, Resource, Condition } of Statement) {
      if ([Action].flat().every((call) => /^\w+:(Describe|Get|List)/.test(call))) continue;
      const what = `${of}: ${JSON.stringify(Action)}`;
      if (Action === 'ec2:CreateTags') t.match(Condition, { StringEquals: { 'ec2:CreateAction': 'CreateSecurityGroup' } }, what);
      else if (String(Resource).endsWith(':vpc/*'))
        t.equal(Action, 'ec2:CreateSecurityGroup', 'of a network only that something is made in it');
      else if (of === 'firewall') t.match(JSON.stringify(Condition), /haldane:run":"wr"/, what);
      else
        t.ok(
          [Resource].flat().every((one) => /haldane-wr-\*/.test(one)),
          what,
        );
      if (/AttachRolePolicy|CreateRole/.test(String(Action)))
        t.match(Condition, { StringEquals: { 'iam:PermissionsBoundary': 'arn:aws:iam::aws:policy/AWSDenyAll' } }, what);
    }
  }
});

test('what the account does not let happen is said in the plan, and again before the harm; nothing of it is touched', async (t) => {
  const stand = await memoryStand('w');
  const { bucket } = (stand.calls as MemoryAccount).twins;
  const { changeKinds, faults, refusals } = awsPlatform({ calls: stand.calls, clock: new VirtualClock() });
  const order = { of: 'bucket', like: 'w-bucket', scenario: 'open-bucket' } as const;
  const twin = faults.twins?.make(deploymentOf(stand), 'wr', 'experiment', order);
  const harm = faults.twins?.fault(deploymentOf(stand), 'wr', 'experiment', order, { mode: 'open-bucket', to: '0.0.0.0/0' });
  if (twin === undefined || harm === undefined) throw new Error('the platform can make no twin');
  t.same(await refusals(deploymentOf(stand), signal, [twin, harm]), []);
  bucket.hindrance = 'the account blocks it';
  t.same(await refusals(deploymentOf(stand), signal, [twin, harm]), ['the account blocks it']);
  await changeKinds.find(({ kind }) => kind === twin.kind)?.apply(twin.params, null, signal);
  const faultKind = changeKinds.find(({ kind }) => kind === harm.kind);
  await t.rejects(async () => faultKind?.capture(harm.params, signal) as Promise<unknown>, {
    code: 'refused',
    message: /the account blocks it/,
  });
});
