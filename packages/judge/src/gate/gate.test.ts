import type { GateEntry, GateStanding, JudgedRun } from '@haldane/core';
import { test } from 'tap';
import { byCommit, commitOf, platformNamesOf, withCommits } from './by-commit.ts';
import { decideGate, type GateCase } from './decide-gate.ts';
import { lockedRevisions } from './locked-revisions.ts';

let made = 0;
const run = (revision: string, verdict: JudgedRun['verdict'], more: Partial<JudgedRun> = {}): JudgedRun => {
  made += 1;
  const marks = { held: 'yes', served: verdict === 'vulnerable' ? 'no' : 'yes', noticed: 'yes' } as const;
  const strength = verdict === 'vulnerable' ? 'block' : 'none';
  const what = { id: `run-${made}`, experiment: 'keys-away', scenario: { id: 's', version: 1 }, revision, onPlatform: revision };
  return { ...what, verdict, marks, strength, logE: 0, at: made, seconds: 60, ...more };
};
const weak = (revision: string, more: Partial<JudgedRun> = {}) => run(revision, 'vulnerable', { strength: 'stop', ...more });
const openDoor = { held: 'no', served: 'yes', noticed: 'yes' } as const;
const missed = { held: 'yes', served: 'yes', noticed: 'no' } as const;

const mode = (set: 'report' | 'warn' | 'block', debt = false): GateEntry<'mode'> => ({
  kind: 'mode',
  experiment: 'keys-away',
  mode: set,
  debt,
  why: 'agreed',
  who: 'ann',
  at: 1,
});
const asked = (more: Partial<GateCase> = {}) =>
  decideGate({
    service: 'payments',
    environment: 'production',
    revision: 'new',
    live: 'old',
    wasLive: false,
    now: 1_000,
    runs: [],
    modes: [mode('block')],
    acceptances: [],
    resolutions: [],
    broken: [],
    asked: [],
    choices: [],
    cameIn: [],
    ...more,
  });

test('how an experiment stands, and what that does in each mode', (t) => {
  const old = run('old', 'resilient');
  const debt = run('old', 'vulnerable');
  const rows: readonly [says: string, standing: GateStanding, runs: readonly JudgedRun[], inBlock: 'allow' | 'warn' | 'block'][] = [
    ['resilient', 'passed', [run('new', 'resilient'), old], 'allow'],
    ['vulnerable where the live one is not', 'regressed', [run('new', 'vulnerable'), old], 'block'],
    ['vulnerable like the live one', 'debt', [run('new', 'vulnerable'), debt], 'warn'],
    ['a door that the live one keeps shut', 'let-in', [run('new', 'vulnerable', { marks: openDoor }), debt], 'block'],
    [
      'a door that is open in both',
      'debt',
      [run('new', 'vulnerable', { marks: openDoor }), run('old', 'vulnerable', { marks: openDoor })],
      'warn',
    ],
    ['nobody knows of the live one', 'live-unknown', [run('new', 'vulnerable'), run('old', 'inconclusive')], 'warn'],
    ['evidence to stop, not to hold', 'unproven', [weak('new'), old], 'warn'],
    ['two weak runs whose evidence multiplies to enough', 'regressed', [weak('new', { logE: 4 }), weak('new', { logE: 3 }), old], 'block'],
    ['two weak runs whose evidence does not', 'unproven', [weak('new', { logE: 4 }), weak('new', { logE: 2.8 }), old], 'warn'],
    ['an invalid run lends no evidence', 'unproven', [weak('new', { logE: 4 }), run('new', 'invalid', { logE: 9 }), old], 'warn'],
    ['an alert that was missed once', 'unproven', [weak('new', { marks: missed, strength: 'none' }), old], 'warn'],
    [
      'an alert that was missed twice',
      'regressed',
      [1, 2].map(() => weak('new', { marks: missed, strength: 'none' })).concat(old),
      'block',
    ],
    ['what is proven stands, run again or not', 'regressed', [run('new', 'resilient'), run('new', 'vulnerable'), old], 'block'],
    ['of what is not, the newest counts', 'passed', [run('new', 'resilient'), weak('new'), old], 'allow'],
    ['no answer', 'undecided', [run('new', 'inconclusive'), old], 'warn'],
    ['never run', 'untested', [old], 'warn'],
  ];
  for (const [says, standing, runs, inBlock] of rows) {
    const held = asked({ runs });
    t.match(held, { decision: inBlock, findings: [{ experiment: 'keys-away', standing, blocks: inBlock === 'block' }] }, says);
    t.equal(asked({ runs, modes: [mode('warn')] }).decision, inBlock === 'allow' ? 'allow' : 'warn', `${says}: warned of`);
    const reported = asked({ runs, modes: [] });
    t.match(reported, { decision: 'allow', findings: [{ mode: 'report', standing }] }, `${says}: reported`);
    t.equal(/in mode block this would be held/.test(reported.why), inBlock === 'block', `${says}: and it is said what would be held`);
  }
  t.equal(asked({ runs: [run('new', 'vulnerable'), debt], modes: [mode('block', true)] }).decision, 'block', 'debt blocks by policy');
  t.match(asked({ modes: [] }), { decision: 'allow', findings: [], why: /no experiment was run/ });
  t.equal(asked({ runs: [old] }).findings[0]?.runId, null);
  t.end();
});

test('the way back, an accepted risk and broken glass let it through, each for what it was meant for only', (t) => {
  const runs = [run('new', 'vulnerable'), run('old', 'resilient')];
  const acceptance = (until: number, experiment = 'keys-away'): GateEntry<'acceptance'> => ({
    kind: 'acceptance',
    experiment,
    until,
    why: 'known',
    who: 'rita',
    at: 1,
  });
  const glass = (revision: string): GateEntry<'break-glass'> => ({ kind: 'break-glass', revision, why: 'outage', who: 'olga', at: 1 });
  t.equal(asked({ runs }).decision, 'block');
  t.match(asked({ runs, wasLive: true }), { decision: 'allow', open: 'was-live', why: /the way back is always open/ });
  t.match(asked({ runs, live: 'new' }), { decision: 'allow', open: 'live', why: /live already/ });
  t.match(asked({ runs, acceptances: [acceptance(1_001)] }), {
    decision: 'allow',
    open: null,
    findings: [{ accepted: { who: 'rita', until: 1_001 } }],
  });
  t.equal(asked({ runs, acceptances: [acceptance(1_000)] }).decision, 'block', 'it has expired');
  t.equal(asked({ runs, acceptances: [acceptance(2_000, 'another')] }).decision, 'block');
  t.match(asked({ runs, broken: [glass('new')] }), { decision: 'allow', open: 'glass', why: /olga broke the glass for new: outage/ });
  t.equal(asked({ runs, broken: [glass('newer')] }).decision, 'block');
  t.end();
});

test('who does not say what is live is measured by what runs found last and the gate did not hold', (t) => {
  const held = { kind: 'ask', revision: 'bad', live: null, blocking: ['keys-away'], who: 'ci', at: 1 } as const;
  const runs = [run('new', 'vulnerable'), run('bad', 'vulnerable'), run('bad', 'vulnerable'), run('old', 'resilient')];
  t.match(
    asked({ live: null, runs }),
    { live: 'bad', decision: 'warn', findings: [{ standing: 'live-unknown' }] },
    'a flaw that may be new is no debt',
  );
  t.match(asked({ live: 'bad', runs }), { decision: 'warn', findings: [{ standing: 'debt' }] });
  t.equal(
    asked({ live: null, runs, modes: [mode('block', true)] }).decision,
    'block',
    'new or debt: where both are held it need not be known',
  );
  t.match(asked({ live: null, runs, asked: [held, held] }), { live: 'old', decision: 'block', record: { blocking: 1, confirmed: 1 } });
  t.match(asked({ live: null }), { live: null });
  t.end();
});

test('a commit and the platform’s name for it are one revision, and a name that no run was on is nobody’s', (t) => {
  const runs = [run('c2', 'vulnerable', { onPlatform: 'app:8' }), run('c1', 'resilient', { onPlatform: 'app:7' })];
  t.equal(commitOf('app:8', runs), 'c2');
  t.equal(commitOf('c2', runs), 'c2');
  t.equal(commitOf('app:9', runs), 'app:9');
  const again = [run('c3', 'resilient', { onPlatform: 'app:8' }), ...runs];
  t.equal(commitOf('app:8', again), 'c3', 'of two commits the one that was run last');
  const word = { experiment: 'keys-away', why: 'seen', who: 'ann', at: 1 };
  const said = byCommit(
    {
      resolutions: [{ kind: 'resolution', revision: 'app:8', ...word }],
      asked: [{ kind: 'ask', revision: 'app:8', live: 'app:7', blocking: [], who: 'ci', at: 1 }],
      broken: [{ kind: 'break-glass', revision: 'app:9', why: '', who: 'ann', at: 1 }],
      choices: [{ kind: 'choice', revision: 'c2', run: [], later: [], stands: [{ experiment: 'e', on: 'app:7' }], who: 'ci', at: 1 }],
      cameIn: [{ kind: 'came-in', good: 'app:7', bad: 'app:8', first: null, ...word }],
    },
    runs,
  );
  t.match(said, {
    resolutions: [{ revision: 'c2' }],
    asked: [{ revision: 'c2', live: 'c1' }],
    broken: [{ revision: 'app:9' }],
    choices: [{ revision: 'c2', stands: [{ on: 'c1' }] }],
    cameIn: [{ good: 'c1', bad: 'c2', first: null }],
  });
  t.match(asked({ revision: 'c2', live: 'c1', runs }), { decision: 'block', findings: [{ standing: 'regressed' }] });
  t.match(asked({ revision: 'c9', live: 'c1', runs }), { decision: 'warn', findings: [{ standing: 'untested' }] }, 'never a pass');
  t.end();
});

test('what a launch template’s version was found at stands, whether its runs knew the commit or not', (t) => {
  const old = run('c1', 'resilient', { onPlatform: 'app:7' });
  const bare = (verdict: JudgedRun['verdict'], onPlatform = 'app:8') => run(onPlatform, verdict);
  const known = (verdict: JudgedRun['verdict'], commit = 'c2') => run(commit, verdict, { onPlatform: 'app:8' });
  for (const [newest, before] of [
    [known('resilient'), bare('vulnerable')],
    [bare('resilient'), known('vulnerable')],
  ] as const) {
    const runs = withCommits([newest, before, old]);
    for (const revision of ['c2', 'app:8'])
      t.match(asked({ revision: commitOf(revision, runs), live: 'c1', runs }), {
        decision: 'block',
        revision: 'c2',
        findings: [{ standing: 'regressed' }],
      });
    t.same(platformNamesOf('c2', runs), ['app:8']);
  }
  const several = [known('resilient', 'c3'), known('resilient'), bare('vulnerable'), old];
  t.same(withCommits(several), several, 'of two commits nobody knows which one it was');
  t.same(platformNamesOf('c2', withCommits(several)), [], 'and the name is that of neither');
  const nobodys = [run('c2', 'resilient', { onPlatform: 'unknown' }), bare('vulnerable', 'unknown')];
  t.same(withCommits(nobodys), nobodys, 'what could not be told is not one thing');
  t.same(platformNamesOf('c2', nobodys.slice(0, 1)), []);
  t.end();
});

test('a regression is locked until a later revision passes, or somebody answers for it', (t) => {
  const all = [run('old', 'resilient'), run('new', 'vulnerable')].toReversed();
  const locked = (runs: readonly JudgedRun[], more: Partial<GateCase> = {}) =>
    lockedRevisions({
      service: 'payments',
      environment: 'production',
      now: 1_000,
      runs,
      modes: [],
      acceptances: [],
      resolutions: [],
      asked: [],
      choices: [],
      cameIn: [],
      ...more,
    }).map(({ experiment, revision, mode }) => `${experiment} ${revision} ${mode}`);
  t.same(locked(all), ['keys-away new report']);
  t.same(locked([run('new', 'resilient'), ...all]), ['keys-away new report'], 'once proven it stands, however often it is run again');
  t.same(locked([run('old', 'resilient'), ...all]), ['keys-away new report'], 'what came before it answers for nothing');
  t.same(locked([weak('next'), ...all]), ['keys-away new report'], 'nor does what is not known');
  t.same(locked([run('next', 'vulnerable'), ...all]), ['keys-away new report'], 'the next is measured by the one before, which fails too');
  t.same(locked([run('next', 'resilient'), ...all]), [], 'a later one passes');
  t.same(locked([run('worse', 'vulnerable'), run('next', 'resilient'), ...all]), ['keys-away worse report']);
  t.same(locked([run('new', 'vulnerable'), run('old', 'vulnerable')]), [], 'what was there before is debt');
  t.same(locked([run('new', 'vulnerable')]), [], 'and what nobody can compare is no regression');
  const said = { asked: [{ kind: 'ask', revision: 'next', live: 'old', blocking: [], who: 'ci', at: 1 }] } as const;
  t.same(
    locked([run('next', 'vulnerable'), ...all], said),
    ['keys-away new report', 'keys-away next report'],
    'unless a pipeline says what was live',
  );
  const word = { experiment: 'keys-away', why: 'seen', who: 'ann', at: 1 };
  t.same(locked(all, { modes: [mode('block')], resolutions: [{ kind: 'resolution', revision: 'other', ...word }] }), [
    'keys-away new block',
  ]);
  t.same(locked(all, { resolutions: [{ kind: 'resolution', revision: 'new', ...word }] }), []);
  t.same(locked(all, { acceptances: [{ kind: 'acceptance', until: 1_001, ...word }] }), []);
  t.same(locked(all, { acceptances: [{ kind: 'acceptance', until: 1_000, ...word }] }), ['keys-away new report'], 'it has expired');
  t.same(locked([run('new', 'vulnerable', { experiment: 'forged' }), ...all.slice(1)]), [], 'each experiment for itself');
  t.end();
});
