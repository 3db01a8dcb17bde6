import type { Change, Evidence, Run, Scenario } from '@haldane/core';
import { recompute } from '@haldane/reports';
import { scenarios } from '@haldane/scenarios';
import { inventory } from '@haldane/standalone';
import { after, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { type Followed, phase, startRun } from '../testing/follow.ts';
import { experimentOf, keysAway, manifestOf, paymentsHouse } from '../testing/payments.ts';
import { openRoom } from '../testing/room.ts';

const jwks = scenarios.find((one) => one.id === 'idp-jwks-unavailable') as Scenario;

/** A scenario as somebody might write it who forgot the act. */
const injectsNothing: Scenario = { ...jwks, id: 'injects-nothing', inject: () => [] };
/** A scenario whose act is not the experiment's alone. */
const reachesControl: Scenario = {
  ...jwks,
  id: 'reaches-control',
  inject: (params, target): readonly Change[] => [
    ...jwks.inject(params, target),
    target.faults.dependency(target.runId, 'control', 'identity-keys', { mode: 'abort', status: 503 }),
  ],
};

allowSeconds(240);
const room = await openRoom();
// Should the tests below not get that far.
after(() => room.leave());
const house = await paymentsHouse(room, { scenarios: [...scenarios, injectsNothing, reachesControl] });
const { client } = house;
const params = keysAway.slice(keysAway.indexOf('params'));

/**
 * Service by service: which build, what is done to it, and how many requests a second its users send (none: synthetic requests only).
 * Users are kept off until the key cache has ended and the fault was met, so whoever fails open is caught while proving.
 */
const cases = {
  'long-cache': { build: 'sound-long-cache', scenario: keysAway, rate: 120, watch: 7 },
  'nothing-done': { build: 'sound', scenario: `{ id: injects-nothing, ${params}\nexposure: synthetic`, rate: 0, watch: 7 },
  'control-hit': { build: 'sound', scenario: `{ id: reaches-control, ${params}\nexposure: synthetic`, rate: 0, watch: 7 },
  'fails-open': { build: 'flawed-jwks', scenario: keysAway, rate: 50, watch: 15 },
  aborted: { build: 'sound', scenario: keysAway, rate: 50, watch: 20 },
} as const;
type Case = keyof typeof cases;

const addresses = new Map<Case, string>();
const files = new Map<Case, string>();
await Promise.all(
  (Object.keys(cases) as Case[]).map(async (name) => {
    const { build, scenario, watch } = cases[name];
    const manifest = await manifestOf(build, name, ['injects-nothing', 'reaches-control']);
    // A machine that is busy with other tests answers late for a while, in production too: that is no harm that escaped.
    const experiment = experimentOf(`${name}-run`, scenario, watch, '', '15s');
    const file = await house.write(name, { manifest, experiment });
    files.set(name, file);
    addresses.set(name, (await client.deploy(file.replace('experiment.yaml', 'service.yaml'))).address);
  }),
);
const busy = (Object.keys(cases) as Case[]).filter((name) => cases[name].rate > 0);
const loads = new Map(
  await Promise.all(busy.map(async (name) => [name, await house.load(addresses.get(name) ?? '', cases[name].rate)] as const)),
);
const before = await inventory(house);

/** All five at once, each to its end; the load goes on a little longer, and is then asked what became of every request. */
const runs = Object.fromEntries(
  await Promise.all((Object.keys(cases) as Case[]).map(async (name) => [name, await startRun(client, files.get(name) ?? '')])),
) as Record<Case, Followed>;
await runs.aborted.until(phase('observing'), 'having observed anything');
await runs.aborted.until(
  ({ type, data }) => type === 'block' && data['phase'] === 'observing' && (data['experiment'] as { requests: number }).requests > 0,
  'a second with users and the fault',
);
await client.abort(runs.aborted.run.id, 'a person had enough');
const ended = Object.fromEntries(
  await Promise.all((Object.keys(cases) as Case[]).map(async (name) => [name, await runs[name].ended])),
) as Record<Case, Run>;
const evidence = Object.fromEntries(
  await Promise.all((Object.keys(cases) as Case[]).map(async (name) => [name, await client.evidence(ended[name].id)])),
) as Record<Case, Evidence>;
const summaries = new Map(await Promise.all([...loads].map(async ([name, load]) => [name, await load.stop()] as const)));

const said = (run: Run) => [run.facts.verdict?.headline, ...(run.facts.verdict?.reasons ?? [])].join('\n');
const realIn = (one: Evidence, arm: 'control' | 'experiment', from = 0) =>
  one.blocks.filter(({ at }) => at * 1000 >= from).reduce((sum, block) => sum + block.real[arm].requests, 0);

function madeOf(t: Test, name: Case, kind: string): readonly Change[] {
  const made = ended[name].facts.plan?.changes.filter((change) => change.kind === kind) ?? [];
  t.ok(made.length > 0, `${name} has a change of kind ${kind}`);
  return made;
}

test('a sound build whose key cache outlives the run is inconclusive: the fault was never met', async (t) => {
  const run = ended['long-cache'];
  t.equal(run.stop?.reason, 'deadline', 'users wait in vain for a door to be shown shut');
  t.equal(run.facts.verdict?.verdict, 'inconclusive');
  t.match(run.facts.verdict?.headline, /fault never met/);
  t.equal(run.facts.verdict?.record.contact.count, 0);
  const effect = evidence['long-cache'].checks.filter((check) => check.name === 'effect');
  t.ok(effect.length === 1 && effect[0]?.passed, 'though the fault was there: the effect probe saw it');
});

test('a scenario that injects nothing makes the run invalid', async (t) => {
  const run = ended['nothing-done'];
  t.equal(run.facts.verdict?.verdict, 'invalid');
  t.equal(run.stop?.reason, 'invalid-arms', run.stop?.why ?? 'no stop');
  t.match(said(run), /nothing was injected/);
});

test('a fault that reaches control makes the run invalid', async (t) => {
  const run = ended['control-hit'];
  t.equal(run.facts.verdict?.verdict, 'invalid');
  t.equal(run.stop?.reason, 'invalid-arms', run.stop?.why ?? 'no stop');
  t.match(said(run), /the fault reached control/);
  t.equal(madeOf(t, 'control-hit', 'local.fault').length, 2);
});

test('a build that fails open is caught while proving, with no real user under the fault', async (t) => {
  const run = ended['fails-open'];
  const { injectedAt, verdict } = run.facts;
  t.equal(verdict?.verdict, 'vulnerable');
  t.equal(verdict?.held.mark, 'no');
  t.equal(run.stop?.reason, 'breach');
  t.ok(injectedAt !== undefined && run.stop !== null && run.stop.at > injectedAt);
  const one = evidence['fails-open'];
  t.ok(one.blocks.length > 0 && realIn(one, 'experiment') > 0, 'there were users in the baseline');
  t.equal(realIn(one, 'experiment', injectedAt), 0, 'and none of them in the experiment since the change');
  t.equal(one.marks.filter((mark) => mark.phase === 'observing').length, 0, 'they were never let back');
  t.ok(
    one.accepts.some((accept) => accept.arm === 'experiment' && accept.confirmation === 'denied'),
    'the accept was confirmed: control refused the identical request',
  );
});

test('a person stops a run in the middle: everything is put back at once', async (t) => {
  const run = ended.aborted;
  t.same(run.stop && [run.stop.reason, run.stop.why], ['operator', 'a person had enough']);
  t.equal(run.facts.restored?.clean, true);
  t.equal(run.facts.verdict?.verdict, 'inconclusive');
  const { decidedAt, offAt } = run.facts;
  t.ok(offAt !== undefined && offAt >= (decidedAt ?? run.stop?.at ?? 0), 'it is known when the last user left');
  const phases = runs.aborted.events.flatMap(({ type, data }) => (type === 'phase' ? [data['phase']] : []));
  t.same(phases.slice(phases.indexOf('observing')), ['observing', 'restoring', 'judging', 'reporting', 'done']);
});

test('no keyed user changes arm in any second of any run', async (t) => {
  for (const name of busy) {
    const { blocks } = evidence[name];
    const keys = blocks.reduce((sum, block) => sum + block.keys.control + block.keys.experiment, 0);
    t.ok(keys > 0, `${name}: ${keys} keyed users were in the arms`);
    t.same(
      blocks.filter((block) => block.switched !== 0),
      [],
      `${name}: none in both`,
    );
  }
});

test('with the load generator at a steady rate, runs that change slices in and out lose not one request', async (t) => {
  for (const [name, summary] of summaries) {
    t.ok(summary.sent > cases[name].rate * 10, `${name}: ${summary.sent} requests during the whole run`);
    t.equal(summary.lost, 0, `${name}: none without an answer${aboutLosses(name, summary.losses)}`);
    t.equal(summary.withoutToken, 0);
    t.equal(summary.ok + summary.failed, summary.sent, `${name}: every one answered`);
    t.equal(summary.failed, 0, `${name}: and answered well (${JSON.stringify(summary.byStatus)})`);
  }
  const slices = runs.aborted.events.filter(
    ({ type, data }) => type === 'change' && /of (the )?route|users|share/i.test(String(data['does'])),
  );
  t.ok(slices.length >= 3, `slices were changed ${slices.length} times meanwhile`);
  t.ok(realIn(evidence.aborted, 'experiment', ended.aborted.facts.injectedAt) > 0, 'users were under the fault');
  t.equal(realIn(evidence['long-cache'], 'experiment', ended['long-cache'].facts.injectedAt), 0, 'and nobody where it was never met');
});

test('everybody can derive each verdict again from the exported evidence alone', async (t) => {
  for (const name of Object.keys(cases) as Case[]) {
    const again = recompute(await client.report(ended[name].id, 'json'));
    t.ok(again.same, `${name}: ${again.verdict.verdict} again, number by number`);
  }
});

test('before = after: nothing of any run is left', async (t) => {
  for (const name of Object.keys(cases) as Case[]) t.equal(ended[name].facts.restored?.clean, true, name);
  t.same(await inventory(house), before);
  t.same(await client.sweep(false), []);
  const journals = await Promise.all(
    Object.values(ended).map(async ({ id }) => JSON.parse(await client.report(id, 'json')) as { journal: { state: string }[] }),
  );
  t.ok(journals.every(({ journal }) => journal.length > 0 && journal.every(({ state }) => state === 'reverted')));
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});

/** What the run did when, beside each loss. */
function aboutLosses(name: Case, losses: readonly string[]): string {
  if (losses.length === 0) return '';
  const did = runs[name].events.map(
    ({ type, at, data }) => `${new Date(at).toISOString()} ${type} ${data['phase'] ?? data['change'] ?? ''}`,
  );
  return `; lost ${losses.join(', ')}; ${did.filter((line) => !/ (block|mark|check) /.test(line)).join(', ')}`;
}
