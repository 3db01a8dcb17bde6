import type { GateAnswer, StageView } from '@haldane/client';
import { HaldaneError, type Run } from '@haldane/core';
import { test } from 'tap';
import type { DeployAnswer } from './deploy-answer.ts';
import { type DeployProgress, type Look, lookAtDeploy } from './look-at-deploy.ts';

const revision = 'c'.repeat(40);
const asked = { repository: 'acme/payments', environment: 'production', revision, deployment: 5, run: 7 };

/** A deploy that waits under a rule with these experiments, looked at over and over while the test says what Haldane answers. */
function deployOf(...experiments: string[]) {
  const state = {
    now: 1_000_000,
    /** What each experiment's file answers: how its run stands, or what beginning it throws; nothing for one that has not begun. */
    runs: new Map<string, StageView['status'] | HaldaneError>(),
    /** What asking after a run throws. */
    broken: null as HaldaneError | null,
    open: null as GateAnswer['open'],
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
    ...{ experiments, inconclusive: 'reject' as const },
  };
  const between: Parameters<typeof lookAtDeploy>[2] = {
    client: {
      stage: async (ref) => {
        const file = begun.get(ref);
        if (state.broken !== null) throw state.broken;
        if (file === undefined) throw new HaldaneError('not-found', 'no run');
        return viewOf(file);
      },
      beginStage: async (ref, { file }) => {
        tried.push(file);
        const view = viewOf(file);
        begun.set(ref, file);
        return view;
      },
      runByRef: async () => ({ facts: { deployment: { revision } } }) as unknown as Run,
      gate: async (_service, question) => {
        questions.push(question);
        return answer();
      },
    },
    peek: async () => answer(),
    live: async () => 'd'.repeat(40),
    tell: async (_deploy, said) => void told.push(said),
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
