import type { GateAnswer, StageView } from '@haldane/client';
import { HaldaneError, type Run } from '@haldane/core';
import { test } from 'tap';
import type { DeployRule } from './app-file.ts';
import type { DeployAnswer } from './deploy-answer.ts';
import { deployAnswer } from './deploy-answer.ts';
import { type DeployProgress, type Look, lookAtDeploy } from './look-at-deploy.ts';

const revision = 'c'.repeat(40);
const shop = { service: 'payments', environment: 'test' };
const asked = { repository: 'acme/payments', environment: 'production', revision, deployment: 5, run: 7 };

/** A deploy that waits under a rule with these experiments, looked at over and over while the test says what Haldane answers. */
function deployOf(...experiments: string[]) {
  return ruledBy({}, experiments);
}

function ruledBy(more: Partial<Pick<DeployRule, 'choose' | 'inconclusive'>>, experiments: readonly string[]) {
  const state = {
    now: 1_000_000,
    /** What each experiment's file answers: how its run stands, or what beginning it throws; nothing for one that has not begun. */
    runs: new Map<string, StageView['status'] | HaldaneError>(),
    /** What asking after a run throws. */
    broken: null as HaldaneError | null,
    open: null as GateAnswer['open'],
    choices: 0,
    /** What telling GitHub throws. */
    deaf: null as HaldaneError | null,
  };
  const begun = new Map<string, string>();
  const tried: string[] = [];
  const told: DeployAnswer[] = [];
  const questions: unknown[] = [];
  const viewOf = (file: string): StageView => {
    const status = state.runs.get(file) ?? 'RUNNING';
    if (status instanceof HaldaneError) throw status;
    return { run: `run of ${file}`, status, progress: 'it goes', verdict: null } as StageView;
  };
  const answer = (): GateAnswer => ({
    ...{ service: 'payments', environment: 'test', revision, live: null, decision: 'allow', why: 'so it is' },
    ...{ open: state.open, findings: [], record: { blocking: 0, confirmed: 0 } },
  });
  const rule = {
    ...{ repository: 'acme/payments', environment: 'production', service: 'payments', testedIn: 'test' },
    ...{ experiments, inconclusive: 'reject' as const, ...more },
  };
  const between: Parameters<typeof lookAtDeploy>[2] = {
    client: {
      stage: async (ref) => {
        const file = begun.get(ref);
        if (state.broken !== null) throw state.broken;
        if (file === undefined) throw new HaldaneError('not-found', 'no run');
        return viewOf(file);
      },
      beginStage: async (ref, { file = '' }) => {
        tried.push(file);
        const view = viewOf(file);
        begun.set(ref, file);
        return view;
      },
      define: async (file) => ({ ...shop, experiment: file.replace(/^.*\/|\.yaml$/g, ''), scenario: 's', seconds: 60, listens: false }),
      verified: async () => [],
      choose: async (_service, { revision, experiments = [] }) => {
        state.choices += 1;
        const weighed = experiments.map((one) => ({
          ...one,
          version: 1,
          touchedBy: null,
          verified: null,
          owed: null,
          score: 1,
          why: 'so it is',
        }));
        const answered = { revision, runId: 'r9', at: 1, verdict: 'resilient' as const, scenario: { id: 's', version: 1 } };
        return {
          ...{ ...shop, revision, run: weighed.slice(0, 1), later: weighed.slice(1, 2) },
          stands: weighed.slice(2).map((one) => ({ ...one, verified: answered })),
        };
      },
      runByRef: async () => ({ facts: { deployment: { revision } } }) as unknown as Run,
      gate: async (_service, question) => {
        questions.push(question);
        return answer();
      },
    },
    peek: async () => answer(),
    live: async () => 'd'.repeat(40),
    tell: async (_deploy, said) => {
      if (state.deaf !== null) throw state.deaf;
      told.push(said);
    },
    link: null,
    now: () => state.now,
  };
  let progress: DeployProgress = {};
  const look = async (): Promise<Look> => {
    const seen = await lookAtDeploy({ asked, progress }, rule, between, AbortSignal.timeout(60_000));
    // As it comes back from the store.
    if ('progress' in seen) progress = JSON.parse(JSON.stringify(seen.progress));
    return seen;
  };
  return { state, look, told, tried, questions };
}

const taken = new HaldaneError('service-taken', 'another run holds it');

test('a run that is under way is never answered over, however long it waited and whatever fails', async (t) => {
  const { state, look, told, questions } = deployOf('/x/first.yaml', '/x/second.yaml');
  state.runs.set('/x/first.yaml', taken);
  t.match(await look(), { againMs: 60_000 });
  state.runs.delete('/x/first.yaml');
  t.match(await look(), { againMs: 5_000 }, 'it runs');
  state.now += 3_600_000;
  for (const code of ['internal', 'throttled', 'conflict', 'unavailable', 'refused'] as const) {
    state.broken = new HaldaneError(code, 'it hiccups');
    await t.rejects(look(), { code }, `${code} of a run says nothing of the deploy`);
  }
  state.broken = null;
  state.runs.set('/x/first.yaml', 'PASSED').set('/x/second.yaml', taken);
  t.match(await look(), { againMs: 60_000 }, 'the second has a patience of its own');
  state.runs.set('/x/second.yaml', new HaldaneError('internal', 'it may have begun'));
  state.now += 3_600_000;
  await t.rejects(look(), { code: 'internal' });
  t.same(
    told.filter(({ state }) => state !== null),
    [],
  );
  state.runs.set('/x/second.yaml', 'PASSED');
  await look();
  t.match(await look(), { answered: { state: 'approved', comment: /first: PASSED.*second: PASSED/s } });
  t.same(questions, [{ revision, live: 'd'.repeat(40) }], 'the gate is asked once, and told what is live');
});

test('an experiment that could not begin for half an hour is not tried again', async (t) => {
  const { state, look, tried } = deployOf('/x/first.yaml', '/x/second.yaml');
  state.runs.set('/x/first.yaml', taken);
  await look();
  state.now += 1_799_999;
  t.match(await look(), { againMs: 60_000 });
  state.now += 1;
  t.match(await look(), { againMs: 5_000 }, 'the second runs');
  await look();
  t.same(tried, ['/x/first.yaml', '/x/first.yaml', '/x/first.yaml', '/x/second.yaml']);
  state.runs.delete('/x/first.yaml');
  state.runs.set('/x/second.yaml', 'PASSED');
  await look();
  t.match(await look(), { answered: { state: 'rejected', comment: /NOT PROVEN.*first: did not begin: another run holds it/s } });
});

test('glass that is broken while an experiment runs, or cannot begin, opens at the next look', async (t) => {
  for (const [status, open] of [
    ['RUNNING', 'glass'],
    [taken, 'was-live'],
  ] as const) {
    const { state, look, told } = deployOf('/x/first.yaml');
    state.runs.set('/x/first.yaml', status);
    await look();
    state.open = open;
    await look();
    t.match(await look(), { answered: { state: 'approved', comment: /^\*\*Haldane: goes on\*\*\n\nGate \(allow\): so it is$/ } });
    t.equal(told.length, 2);
  }
});

test('a rule that chooses runs what the deploy needs, chooses once whatever is down, and its answer says what was not run', async (t) => {
  const files = ['/x/first.yaml', '/x/second.yaml', '/x/third.yaml'];
  const { state, look, told, tried } = ruledBy({ choose: { paths: [], maxMinutes: 5 } }, files);
  t.match(await look(), { againMs: 0 });
  state.deaf = new HaldaneError('unavailable', 'GitHub is away');
  await t.rejects(look(), { code: 'unavailable' });
  state.deaf = null;
  await look();
  t.match(
    told[0]?.comment,
    /1 to run, 1 put off until after the deploy, 1 stand on their evidence; chosen without a difference, for no checkout/,
  );
  await look();
  state.runs.set('/x/first.yaml', 'PASSED');
  await look();
  const end = await look();
  t.match(end, { answered: { state: 'approved', comment: /first: PASSED.*put off: second: so it is.*stands: third: so it is/s } });
  t.same([state.choices, tried], [1, ['/x/first.yaml']]);

  const gate = {
    service: 'pay',
    environment: 'prod',
    revision: 'abc',
    decision: 'allow',
    open: null,
    why: 'nothing speaks against it',
    findings: [],
  } as never;
  for (const [inconclusive, state, headline] of [
    ['reject', 'rejected', /NOT PROVEN, and held.*No answer of second/s],
    ['wait', null, /NOT PROVEN: it waits for a person/],
    ['approve', 'approved', /NOT PROVEN, and let through/],
  ] as const)
    t.match(
      deployAnswer({ inconclusive }, [], gate, null, { later: ['second'] }),
      { state, comment: headline },
      `all put off, and ${inconclusive}`,
    );

  const wrong = ruledBy({ choose: { paths: [] } }, []);
  await wrong.look();
  await wrong.look();
  t.match(wrong.told[0]?.comment, /nothing can be chosen, and everything is run: experiments: there is none/);
});
