import type { Deployment, JsonObject, TwinFault, TwinOf } from '@haldane/core';
import type { AwsCalls, Group, Hook, Original, Twin } from '../aws-calls.ts';
import { forwardOf, withGroups } from '../forward.ts';
import type { Others } from './others.ts';

/** A service in an account: a balancer with a listener, production behind its default rule, and somebody else's target group. */
export type ServiceStand = {
  readonly calls: AwsCalls;
  /** Stands in every name of this stand and in the ids of its runs, and in no other's. */
  readonly mark: string;
  /** Of the run that is in it. */
  readonly runId: string;
  readonly listener: string;
  /** Somebody else's target group, for edits of the rule. */
  readonly theirs: string;
  /** What it has beside its instances, each called by its mark and its kind: `w-firewall`. */
  readonly beside: readonly TwinOf[];
  readonly others: Others;
  /** Its owner has production's group wait for somebody at each instance. */
  addHook(hook: Hook): Promise<void>;
  close?(): void;
};

/** What its owner has opted in, at each. */
export const twinScenarios: Readonly<Record<TwinOf, readonly string[]>> = {
  firewall: ['sg-port-open'],
  bucket: ['open-bucket'],
  role: ['role-permission-collision', 'role-admin-attached'],
  trail: ['audit-trail-stopped'],
};
export const twinOfs = Object.keys(twinScenarios) as readonly TwinOf[];

const { signal } = new AbortController();

/** What is looked at beside a resource's settings: the fields that are written in harming it, and in what only looks like that. */
const written: Readonly<Record<TwinOf, readonly TwinFault[]>> = {
  firewall: [],
  bucket: [{ mode: 'open-bucket', to: null }],
  role: [
    { mode: 'colliding-right', effect: 'deny' },
    { mode: 'colliding-right', effect: 'allow' },
    { mode: 'all-rights', to: 'own' },
    { mode: 'all-rights', to: 'nothing' },
  ],
  trail: [
    { mode: 'stopped-trail', by: 'stopping' },
    { mode: 'stopped-trail', by: 'signing' },
  ],
};

export function deploymentOf({ mark }: Pick<ServiceStand, 'mark'>, version = 1): Deployment {
  const me = { name: 'me', method: 'GET', path: '/me', headers: {}, body: null, as: 'alice', protected: true };
  return {
    service: 'payments',
    environment: 'test',
    owner: { team: 'payments', contact: '#payments' },
    pipeline: 'autoscaling',
    platform: 'aws',
    revision: `${mark}-template:${version}`,
    source: `${mark}-production`,
    instances: 2,
    route: `${mark}-alb:80`,
    dependencies: [{ name: 'keys', env: 'KEYS_URL', as: 'http', ca: null }],
    intake: [],
    intakeDeclared: true,
    synthetic: {
      identities: [{ name: 'alice', token: { from: 'static', valueEnv: 'ALICE_TOKEN' } }],
      requests: [me],
      jwksUrl: 'http://identity.test/jwks',
      heartbeat: null,
    },
    optIn: ['jwt-forged-alg', 'idp-jwks-unavailable', ...Object.values(twinScenarios).flat()],
    deployInProgress: false,
  };
}

/** Everything of the stand that a run could leave something in or on, without what differs from one stand or look to the next. */
export async function lookAt(
  { calls: { balancing, groups, twins }, mark, listener, beside, others, runId: own }: ServiceStand,
  runId = own,
): Promise<unknown> {
  const targetGroups = (await balancing.targetGroups('all', signal))
    .filter((one) => one.name.includes(mark))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const rules = await balancing.rules(listener, signal);
  const tags = await balancing.tags(
    [...targetGroups, ...rules.filter((one) => !one.isDefault)].map((one) => one.arn),
    signal,
  );
  const names = [`${mark}-production`, `${runId}.control`, `${runId}.experiment`];
  const found = (await Promise.all(names.map((name) => groups.group(name, signal)))).filter((one): one is Group => one !== null);
  const sorted = (of: Readonly<Record<string, string>> | undefined) => Object.entries(of ?? {}).sort();
  const standing: { readonly of: TwinOf; readonly one: Twin | Original; readonly holds: readonly (JsonObject | null)[] }[] = [];
  for (const of of beside)
    for (const name of [`${mark}-${of}`, `haldane-${runId}-control`, `haldane-${runId}-experiment`]) {
      // A trail is a bucket first, so it is looked at as what runs make of it, too.
      const one = (await twins[of].original(name, signal)) ?? (await twins[of].find(name, signal));
      if (one === null) continue;
      const holds: (JsonObject | null)[] = [await others.look(of, name)];
      for (const fault of written[of]) holds.push(await twins[of].before(one, fault, signal));
      standing.push({ of, one, holds });
    }
  const seen = {
    beside: standing.map(({ of, one, holds }) => ({
      of,
      name: one.name,
      settings: 'settings' in one ? one.settings : null,
      holds,
      tags: sorted(one.tags),
    })),
    targetGroups: await Promise.all(
      targetGroups.map(async ({ arn, name, settings }) => ({
        name,
        settings,
        tags: sorted(tags.get(arn)),
        attributes: sorted(await balancing.attributes(arn, signal)),
      })),
    ),
    rules: rules.map(({ arn: _arn, ...rule }) => ({ ...rule, tags: sorted(tags.get(_arn)) })),
    groups: found.map(({ instances, template, ...group }) => ({
      ...group,
      template: { version: template?.version },
      suspended: [...group.suspended].sort(),
      tags: group.tags.map((tag) => `${tag.key}=${tag.value}`).sort(),
      versions: instances.map((one) => one.version),
    })),
  };
  // ARNs read as names; expiry, secret, subnets and the mark are another in each stand.
  let text = JSON.stringify(seen);
  // The longest first, for one may be the beginning of another.
  for (const { arn, name } of targetGroups.toSorted((a, b) => b.arn.length - a.arn.length)) text = text.replaceAll(arn, name);
  const plain = text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'EXPIRY')
    .replaceAll(/"[0-9a-f]{64}"/g, '"SECRET"')
    .replaceAll(/"vpc-[0-9a-f]+"/g, '"NETWORK"')
    .replaceAll(runId, 'RUN')
    .replaceAll(mark, 'MARK');
  return JSON.parse(inTurn(plain)) as unknown;
}

/** Networks and subnets, whose ids an account draws, by the order in which they are named. */
function inTurn(text: string): string {
  const ids: string[] = [];
  return text.replaceAll(/(vpc|subnet)-[0-9a-f]{8,}/g, (id, kind: string) => {
    if (!ids.includes(id)) ids.push(id);
    return `${kind}-${ids.indexOf(id) + 1}`;
  });
}

/** Somebody else edits the rule: another weight for production, and their target group beside whatever stands there. */
export async function editRule({ calls, listener, theirs }: ServiceStand): Promise<void> {
  const rule = (await calls.balancing.rules(listener, signal)).find((one) => one.isDefault);
  const [first, ...rest] = (rule && forwardOf(rule.actions)?.groups) ?? [];
  if (rule === undefined || first === undefined) throw new Error('there is no rule to edit');
  const groups = [{ ...first, weight: 7 }, ...rest, { targetGroup: theirs, weight: 3 }];
  await calls.balancing.setActions(listener, rule, withGroups(rule.actions, groups), signal);
}
