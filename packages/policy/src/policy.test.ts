import { readFile } from 'node:fs/promises';
import type { ClusterState, ExperimentSpec, Lock, OpenRun, Outside, PassedRun, PolicyFacts, PolicyQuestion } from '@haldane/core';
import { sampleDeployment, sampleExperiment } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { readPolicy, ruledBy } from './index.ts';

const day = 86_400_000;
/** A Wednesday, 10:30 in Berlin. */
const wednesday = Date.parse('2026-11-25T09:30:00Z');

type Given = {
  readonly now?: number;
  readonly open?: readonly (Partial<OpenRun> & { readonly id: string })[];
  readonly lock?: Lock;
  readonly passed?: readonly Partial<PassedRun>[];
  readonly approvals?: readonly string[];
  readonly live?: ClusterState | null | Error;
  readonly pages?: number;
  /** Who approved for idp, in place of payments. */
  readonly consents?: readonly string[];
  readonly noticed?: ExperimentSpec['noticed'];
  /** What a check of that name is answered. */
  readonly outside?: (name: string) => string | null;
};

const sample: ClusterState = {
  name: 'payments.production',
  revision: 'abc123',
  instances: [{ name: 'a', address: '', healthy: true, restarts: 0 }],
};

function factsOf(given: Given): PolicyFacts {
  const ledger = new Map<string, number>();
  return {
    now: async () => given.now ?? wednesday,
    open: async () => (given.open ?? []).map((one) => ({ service: 'other', environment: 'production', share: 0.1, touches: null, ...one })),
    passed: async () =>
      (given.passed ?? []).map((one) => ({ environment: 'production', revision: 'old', share: 0.01, at: wednesday - 100 * day, ...one })),
    approvals: async ({ service }) => (service === 'idp' ? (given.consents ?? []) : (given.approvals ?? [])),
    pages: async () => given.pages ?? 0,
    runsOn: async (_environment, services) =>
      (given.open ?? []).flatMap(({ id, service = 'other' }) => (services.includes(service) ? [{ id, service }] : [])),
    lock: async () => given.lock ?? null,
    reserve: async ({ id }, failures, perMonth) => {
      const held = [...ledger].filter(([other]) => other !== id).reduce((sum, [, one]) => sum + one, 0);
      if (held + failures > perMonth) return { reserved: false, held };
      ledger.set(id, failures);
      return { reserved: true, held };
    },
    settle: async (id, spent) => void ledger.set(id, spent),
  };
}

const asked = (id = 'mine', share = 0.1, noticed: ExperimentSpec['noticed'] = null): PolicyQuestion => ({
  run: {
    id,
    service: 'payments',
    environment: 'production',
    createdAt: 0,
    experiment: { ...sampleExperiment('payments'), share, noticed },
  },
  deployment: { ...sampleDeployment('payments'), environment: 'production' },
  scenario: { id: 'keys-away', version: 2 },
});

function policy(rule: string, given: Given = {}) {
  const describe = async () => {
    const { live = sample } = given;
    if (live instanceof Error) throw live;
    return live;
  };
  const outside: Outside = { ask: async ({ name }) => given.outside?.(name) ?? null };
  return ruledBy(
    readPolicy(`rules:\n  - name: the rule\n    ${rule}\n`, 'policy.yaml'),
    factsOf(given),
    { clusters: { describe } as never },
    outside,
  );
}

async function says(t: Test, rule: string, given: Given, words: RegExp | null, share?: number): Promise<void> {
  const ruled = policy(rule, given);
  const question = asked('mine', share, given.noticed);
  const said = await Promise.all([ruled.objections, ruled.disturbances].map((ask) => ask(question, AbortSignal.timeout(5_000))));
  const [first = null, ...more] = said.flat();
  t.same(more, []);
  if (words === null) t.equal(first, null, rule);
  else t.match(first, words, rule);
  if (first !== null) t.match(first, /^policy "the rule": /);
}

test('runs go on only inside the windows of their zone, and never on holidays or in a freeze', async (t) => {
  const hours = 'windows: { zone: Europe/Berlin, from: "09:00", to: "16:00", holidays: [2026-12-24] }';
  await says(t, hours, {}, null);
  await says(
    t,
    hours,
    { now: Date.parse('2026-11-25T07:59:00Z') },
    /it is wed 08:59; runs go on mon, tue, wed, thu, fri from 09:00 to 16:00 in Europe\/Berlin/,
  );
  await says(t, hours, { now: Date.parse('2026-11-25T08:00:00Z') }, null);
  await says(t, hours, { now: Date.parse('2026-11-25T15:00:00Z') }, /it is wed 16:00/);
  await says(t, hours, { now: Date.parse('2026-11-28T10:00:00Z') }, /it is sat 11:00/);
  await says(t, hours, { now: Date.parse('2026-12-24T10:00:00Z') }, /2026-12-24 is a holiday/);
  await says(t, hours, { now: Date.parse('2026-07-01T07:30:00Z') }, null);
  const freeze = 'freezes: [{ zone: Europe/Berlin, from: 2026-12-18, to: 2027-01-03, why: year end }]';
  await says(t, freeze, {}, null);
  await says(t, freeze, { now: Date.parse('2026-12-17T23:00:00Z') }, /frozen from 2026-12-18 to 2027-01-03 \(year end\)/);
  await says(t, freeze, { now: Date.parse('2027-01-03T23:00:00Z') }, null);
});

test('caps hold for a share, for all shares together and for runs at once, and of two that begin at once one goes on', async (t) => {
  await says(t, 'caps: { share: 5% }', {}, /share 10 % is more than 5 %; write share: 5%/);
  await says(t, 'caps: { share: 10% }', {}, null);
  const open = [{ id: 'first' }, { id: 'mine', service: 'payments' }, { id: 'later' }];
  await says(t, 'caps: { runs: 1 }', { open }, /1 runs are under way \(first\) and at most 1 may be/);
  await says(t, 'caps: { runs: 2 }', { open }, null);
  await says(t, 'caps: { together: 30% }', { open }, /both arms take 20 % and other runs 20 %, together more than 30 %/);
  await says(t, 'caps: { together: 40% }', { open }, null);
  const elsewhere = [{ id: 'first', environment: 'staging' }];
  await says(t, 'where: { environment: production }\n    caps: { runs: 1 }', { open: elsewhere }, null);
});

test('a share begins small and doubles only after a resilient run there', async (t) => {
  await says(t, 'firstShare: 1%', {}, /nothing of keys-away was resilient here yet; at most 1 % now/);
  await says(t, 'firstShare: 1%', {}, null, 0.01);
  await says(t, 'firstShare: 1%', { passed: [{ share: 0.01 }] }, null, 0.02);
  await says(t, 'firstShare: 1%', { passed: [{ share: 0.01 }] }, /may double only after a resilient run; at most 2 % now/, 0.03);
  await says(t, 'firstShare: 1%', { passed: [{ share: 0.4, environment: 'staging' }] }, /nothing of keys-away/, 0.03);
});

test('production comes after staging: on this revision, or on a recent one', async (t) => {
  const rule = 'ladder: { after: staging, within: 7d }';
  await says(
    t,
    rule,
    {},
    /keys-away \(version 2\) has not passed in staging on abc123, nor on any revision within 7 days; run it there first/,
  );
  await says(t, rule, { passed: [{ environment: 'staging', revision: 'abc123' }] }, null);
  await says(t, rule, { passed: [{ environment: 'staging', at: wednesday - 6 * day }] }, null);
  await says(t, rule, { passed: [{ environment: 'staging', at: wednesday - 8 * day }] }, /has not passed/);
  await says(t, rule, { passed: [{ environment: 'production', revision: 'abc123' }] }, /has not passed/);
});

test('production must be healthy, and who cannot say says no', async (t) => {
  const sick = { ...sample, instances: [...sample.instances, { name: 'b', address: '', healthy: false, restarts: 0 }] };
  await says(t, 'healthy: true', {}, null);
  await says(t, 'healthy: true', { live: sick }, /b of payments not healthy; heal production first/);
  await says(t, 'healthy: true', { live: null }, /nobody can say whether payments is healthy/);
  await says(t, 'healthy: true', { live: new Error('the cloud is away') }, /it cannot be said whether it is kept: the cloud is away/);
  await says(t, 'healthy: false', { live: sick }, null);
});

test('two people approve, or it does not run', async (t) => {
  await says(
    t,
    'approvals: 2',
    {},
    /nobody has approved keys-away \(version 2\) for payments in production, and 2 must; haldane approve payments production keys-away/,
  );
  await says(t, 'approvals: 2', { approvals: ['ann'] }, /only ann has approved/);
  await says(t, 'approvals: 2', { approvals: ['ann', 'bob'] }, null);
});

test('rules that fit all hold, and others do not', async (t) => {
  const text = `
rules:
  - { name: everywhere, caps: { share: 20% } }
  - { name: production, where: { environment: production }, caps: { share: 5% } }
  - { name: staging, where: { environment: staging }, caps: { share: 1% } }
  - { name: their team, where: { team: others }, approvals: 2 }
  - { name: our team, where: { team: payments, service: payments }, approvals: 1 }
`;
  const found = await ruledBy(readPolicy(text, 'policy.yaml'), factsOf({}), {} as never, {} as never).objections(
    asked(),
    AbortSignal.timeout(5_000),
  );
  t.same(
    found.map((one) => one.split(':')[0]),
    ['policy "production"', 'policy "our team"'],
  );
});

test('failures are set aside before and settled after, and what is not there is refused', async (t) => {
  const month = policy('failuresPerMonth: 45');
  t.equal(await month.reserve(asked('a')), null);
  t.equal(await month.reserve(asked('a')), null, 'once, however often it is asked');
  t.equal(await month.reserve(asked('b')), null);
  t.match(
    await month.reserve(asked('c')),
    /policy "the rule": a budget of 20 failures does not fit into this month: 40 of 45 are spent or set aside for payments/,
  );
  await month.settle('a', 3);
  t.equal(await month.reserve(asked('c')), null, 'what was not spent is free again');
  t.equal(await policy('approvals: 1').reserve(asked('a')), null, 'without such a rule nothing is set aside');
});

test('a wrong policy is refused with its place and a fix', async (t) => {
  const refused = (text: string, words: RegExp) =>
    t.throws(() => readPolicy(text, 'policy.yaml'), { code: 'bad-document', message: words });
  refused('rules:\n  - { name: a }\n  - { name: a }', /rules\[1\]\.name[\s\S]*names two rules/);
  refused('rules: [{ name: a, windows: { zone: Mars/Base, from: "09:00", to: "10:00" } }]', /"Mars\/Base" is no zone/);
  refused('rules: [{ name: a, windows: { from: "19:00", to: "10:00" } }]', /must be later than from/);
  refused('rules: [{ name: a, freezes: [{ from: 2026-02-02, to: 2026-01-01, why: b }] }]', /must not be before from/);
  refused('rules: [{ name: a, cap: { share: 1% } }]', /cap[\s\S]*caps/);
  refused('rules: [{ name: a, caps: { share: 80% } }]', /the most is 50%/);
  refused('rules: [{ caps: { share: 8% } }]', /name/);
});

test('the policy that the documentation shows is a good one', async (t) => {
  const page = await readFile(new URL('../../../docs/policy.md', import.meta.url), 'utf8');
  const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  t.same(
    readPolicy(shown, 'docs/policy.md').rules.map(({ name }) => name),
    ['office hours', 'small steps', 'staging first', 'the month of payments'],
  );
});

test('of two runs that share a dependency or a route the earlier goes on', async (t) => {
  const dependency = sampleDeployment('payments').dependencies[0]?.name ?? 'none';
  const { route } = sampleDeployment('payments');
  const touching = (touches: OpenRun['touches'], more: Partial<OpenRun> = {}) => ({ open: [{ id: 'first', touches, ...more }] });
  const apart = 'apart: [dependencies]';
  await says(t, apart, touching({ route: 'theirs', dependencies: ['another'] }), null);
  await says(t, apart, touching({ route, dependencies: ['another'] }), null);
  await says(t, 'apart: [route]', touching({ route, dependencies: [] }), /is also in reach of run first on other; wait/);
  await says(
    t,
    apart,
    touching({ route: 'theirs', dependencies: [dependency] }),
    new RegExp(`${dependency} is also in reach of run first`),
  );
  await says(t, apart, touching({ route: 'theirs', dependencies: ['payments'] }), /payments is also in reach/, undefined);
  await says(t, apart, touching({ route, dependencies: [dependency] }, { environment: 'staging' }), null);
  await says(t, apart, touching(null), /what it touches is not known yet/);
  const both = { open: [{ id: 'mine' }, { id: 'later', touches: { route, dependencies: [dependency] } }] };
  await says(t, 'apart: [dependencies, route]', both, null);
});

test('a lock needs no rule, and says whose it is, how long it holds and how it is taken off', async (t) => {
  const lock = { service: 'payments', environment: 'production', why: 'an incident', by: 'ann', until: wednesday + day };
  const locked = ruledBy({ rules: [] }, factsOf({ lock }), {} as never, {} as never);
  t.match(await locked.objections(asked(), AbortSignal.timeout(5_000)), [
    /locked by ann until 2026-11-26T09:30:00\.000Z \(an incident\); .*haldane unlock payments production/,
  ]);
});

test('what stands outside must say yes, and who does not answer says no', async (t) => {
  const rule = 'checks: [{ name: no incident, http: { url: "https://status.test/open", at: /count, is: 0 } }]';
  await says(t, rule, {}, null);
  await says(t, rule, { outside: (name) => `${name} is wrong: INC-7` }, /no incident: no incident is wrong: INC-7/);
  const away = () => {
    throw new Error('the line is dead');
  };
  await says(t, rule, { outside: away }, /no incident: could not be asked, the line is dead/);
  const refused = (check: string, words: RegExp) =>
    t.throws(() => readPolicy(`rules: [{ name: a, checks: [{ name: b, ${check} }] }]`, 'policy.yaml'), { message: words });
  refused('http: { url: "https://a" }, command: { run: [/bin/true] }', /exactly one of http, command and alerts/);
  refused('http: { url: "ftp://a" }', /is no address/);
  refused('http: { url: "https://a", at: /b }', /at and is belong together/);
  refused('command: { run: [true-enough] }', /whole path of a program/);
});

test('a run gives way to one on what its service depends on, without a rule', async (t) => {
  const dependency = sampleDeployment('payments').dependencies[0]?.name ?? 'none';
  const open = [{ id: 'first', service: dependency }];
  const free = ruledBy({ rules: [] }, factsOf({ open }), {} as never, {} as never);
  t.same(await free.disturbances(asked(), AbortSignal.timeout(5_000)), [
    `run first is under way on ${dependency}, which payments depends on; wait until it is over`,
  ]);
  t.same(await free.objections(asked(), AbortSignal.timeout(5_000)), [], 'it is no question of permission');
  const others = ruledBy({ rules: [] }, factsOf({ open: [{ id: 'first' }] }), {} as never, {} as never);
  t.same(await others.disturbances(asked(), AbortSignal.timeout(5_000)), []);
});

test('a receiver is paged so often a week, and whom a run reaches through another has consented', async (t) => {
  const expect = { rules: ['a'], receiver: 'oncall', withinSeconds: 5, fields: [] };
  const noticed = { source: 'webhook', expect, heartbeatWithinSeconds: 5 };
  await says(t, 'pagesPerWeek: 3', { noticed, pages: 2 }, null);
  await says(t, 'pagesPerWeek: 3', { noticed, pages: 3 }, /oncall got 3 alerts of experiments in seven days, and at most 3 may be/);
  await says(t, 'pagesPerWeek: 3', { pages: 9 }, null);
  await says(
    t,
    'consents: [idp]',
    { approvals: ['ann'] },
    /the owner of idp has not consented to keys-away \(version 2\); .*approve idp production/,
  );
  await says(t, 'consents: [idp, payments]', { consents: ['bob'] }, null);
});
