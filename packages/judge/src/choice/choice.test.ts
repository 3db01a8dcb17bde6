import type { GateEntry, JudgedRun, Touch, Touched } from '@haldane/core';
import { test } from 'tap';
import { decideGate, type GateCase } from '../gate/decide-gate.ts';
import { candidatesOf, type Defined, touchedByOf } from './candidates.ts';
import { type ChoiceCase, choose, weights } from './choose.ts';

const day = 86_400_000;
const now = 100 * day;
const run = (experiment: string, revision: string, verdict: JudgedRun['verdict'], more: Partial<JudgedRun> = {}): JudgedRun => ({
  id: `run-of-${experiment}-at-${revision}`,
  experiment,
  revision,
  onPlatform: `template of ${revision}`,
  scenario: { id: 's', version: 1 },
  verdict,
  marks: { held: 'yes', served: verdict === 'vulnerable' ? 'no' : 'yes', noticed: 'yes' },
  strength: verdict === 'vulnerable' ? 'block' : 'none',
  logE: 0,
  at: now - 3 * day,
  seconds: 90,
  ...more,
});
const defined = (experiment: string, touchedBy: readonly Touch[] | null = ['code', 'network']): Defined => ({
  experiment,
  scenario: 's',
  version: 1,
  touchedBy,
  seconds: 30,
});
const touched = (touch: Touch, ...says: string[]): Touched => ({ touch, count: says.length, says });
const note = (revision: string, more: Partial<GateEntry<'choice'>> = {}): GateEntry<'choice'> => ({
  kind: 'choice',
  revision,
  run: [],
  later: [],
  stands: [],
  who: 'ci',
  at: now - 2 * day,
  ...more,
});

type Asked = {
  readonly defined: readonly Defined[];
  readonly runs?: readonly JudgedRun[];
  readonly choices?: readonly GateEntry<'choice'>[];
  readonly since?: readonly Touched[] | null;
  readonly more?: Partial<ChoiceCase>;
};
const chosen = ({ defined: which, runs = [], choices = [], since = [], more = {} }: Asked) =>
  choose({
    service: 'payments',
    environment: 'production',
    revision: 'new',
    now,
    candidates: candidatesOf(which, 'new', runs, choices),
    differences: [{ since: 'old', touched: since }],
    modes: new Map(),
    maxSeconds: null,
    ...more,
  });

test('evidence stands only where the difference is known whole and touches nothing of the experiment', (t) => {
  const rows: readonly [
    says: string,
    asked: Omit<Asked, 'defined'> & { touchedBy?: readonly Touch[] | null },
    runs: boolean,
    why: RegExp,
  ][] = [
    ['never answered', {}, true, /no run of it has an answer yet/],
    ['only without an answer', { runs: [run('e', 'old', 'inconclusive')] }, true, /no run of it has an answer/],
    [
      'answered here',
      { runs: [run('e', 'new', 'resilient')] },
      false,
      /at this very revision \(run run-of-e-at-new, 3 days old, resilient\)/,
    ],
    [
      'documents only',
      { runs: [run('e', 'old', 'resilient')] },
      false,
      /its evidence of old stands .*: what changed since is documents and tests at most/,
    ],
    [
      'what touches another',
      { runs: [run('e', 'old', 'resilient')], since: [touched('data', 'migrations/1.sql')] },
      false,
      /evidence of old stands \(run run-of-e-at-old, 3 days old, resilient\): what changed since is data \(migrations\/1\.sql\)/,
    ],
    [
      'what touches it',
      { runs: [run('e', 'old', 'resilient')], since: [{ touch: 'code', count: 9, says: ['a.ts'] }, touched('data', 'b.sql')] },
      true,
      /^since old changed code \(a\.ts and 8 more\)$/,
    ],
    [
      'what cannot be placed',
      { runs: [run('e', 'old', 'resilient')], since: [touched('unknown', 'x.bin')] },
      true,
      /may be anything: unknown \(x\.bin\)/,
    ],
    ['no difference to be had', { runs: [run('e', 'old', 'resilient')], since: null }, true, /nobody can tell what changed since old/],
    ['a difference to another revision', { runs: [run('e', 'older', 'resilient')] }, true, /nobody can tell what changed since older/],
    [
      'a scenario that says nothing is touched by everything',
      { runs: [run('e', 'old', 'resilient')], since: [touched('data', 'b.sql')], touchedBy: null },
      true,
      /since old changed data/,
    ],
    [
      'found by the scenario as it was before, though here',
      { runs: [run('e', 'new', 'resilient', { scenario: { id: 's', version: 0 } })] },
      true,
      /its evidence is of version 0 of s .*; it is now version 1 of s/,
    ],
    [
      'found by another scenario',
      { runs: [run('e', 'old', 'resilient', { scenario: { id: 'other', version: 1 } })] },
      true,
      /of version 1 of other .*; it is now version 1 of s/,
    ],
    [
      'found before anybody wrote the version down',
      { runs: [run('e', 'old', 'resilient', { scenario: { id: 's', version: null } })] },
      true,
      /of s before its version was written down/,
    ],
    [
      'the newest answer counts',
      { runs: [run('e', 'old', 'vulnerable'), run('e', 'new', 'resilient')] },
      false,
      /of old stands .*vulnerable/,
    ],
  ];
  for (const [says, { touchedBy, ...asked }, runs, why] of rows) {
    const choice = chosen({ defined: [defined('e', touchedBy === undefined ? ['code', 'network'] : touchedBy)], ...asked });
    const [one] = runs ? choice.run : choice.stands;
    t.match(one?.why ?? `not ${runs ? 'run' : 'standing'}`, why, says);
    t.equal(choice.run.length + choice.stands.length + choice.later.length, 1);
  }
  t.same(touchedByOf(['code'], true), ['code', 'detection'], 'who waits for an alert is touched by what raises it');
  t.same(touchedByOf(['code'], false), ['code']);
  t.equal(touchedByOf(null, true), null);
  t.end();
});

test('what does not fit is put off by score, and what was put off comes first', (t) => {
  const which = ['a', 'b', 'c', 'd'].map((name) => defined(name));
  const runs = [
    run('a', 'old', 'resilient', { seconds: 100 }),
    run('b', 'old', 'vulnerable', { seconds: 100 }),
    run('c', 'old', 'resilient', { seconds: 100 }),
    run('d', 'old', 'resilient', { seconds: 10 }),
  ];
  const since = [touched('code', 'a.ts')];
  const base = weights.touch + 3 * weights.day;
  const asked = { defined: which, runs, since, more: { maxSeconds: 220, modes: new Map([['c', 'block' as const]]) } };
  const first = chosen(asked);
  t.same(
    first.run.map(({ experiment, score }) => [experiment, score]),
    [
      ['c', base + weights.block],
      ['b', base + weights.vulnerable],
      ['d', base],
    ],
    'the short one still fits after the long one did not',
  );
  t.same(
    first.later.map(({ experiment }) => experiment),
    ['a'],
  );
  const next = chosen({ ...asked, choices: [note('middle', { run: ['b', 'c', 'd'], later: ['a'] })] });
  t.match(next.run[0], { experiment: 'a', owed: 'middle', score: base + weights.owed, why: /; it was put off at middle$/ });
  const paid = [run('a', 'middle', 'resilient', { at: now - day }), ...runs];
  t.equal(
    chosen({ ...asked, runs: paid, choices: [note('middle', { later: ['a'] })] }).run.find((one) => one.experiment === 'a')?.owed ?? null,
    null,
  );
  const unanswered = [run('a', 'middle', 'inconclusive', { at: now - day }), ...runs];
  t.equal(
    chosen({ ...asked, runs: unanswered, choices: [note('middle', { later: ['a'] })] }).run[0]?.owed,
    'middle',
    'no answer pays nothing',
  );
  t.same(
    candidatesOf([defined('new one')], 'new', [], []).map(({ seconds }) => seconds),
    [90],
    'a run that nobody has seen takes a minute more than it says',
  );
  t.end();
});

const gate = (more: Partial<GateCase>) =>
  decideGate({
    service: 'payments',
    environment: 'production',
    revision: 'new',
    live: 'live',
    wasLive: false,
    now,
    runs: [],
    modes: [{ kind: 'mode', experiment: 'e', mode: 'block', debt: false, why: '', who: 'ann', at: 1 }],
    acceptances: [],
    resolutions: [],
    broken: [],
    asked: [],
    choices: [],
    cameIn: [],
    ...more,
  });

test('the gate goes by what was chosen: evidence that stands counts on both sides, and what was put off is asked for at the next deploy', (t) => {
  const stands = (revision: string, on: string) => note(revision, { stands: [{ experiment: 'e', on }] });
  t.match(gate({ runs: [run('e', 'old', 'resilient')], choices: [stands('new', 'old')] }), {
    decision: 'allow',
    findings: [{ standing: 'passed', says: /resilient at old .*; nothing that touches it has changed since old/ }],
  });
  t.match(gate({ runs: [run('e', 'old', 'resilient')] }), { decision: 'warn', findings: [{ standing: 'untested' }] }, 'nobody has chosen');
  t.match(
    gate({ runs: [run('e', 'new', 'vulnerable'), run('e', 'old', 'resilient')], choices: [stands('live', 'old')] }),
    { decision: 'block', findings: [{ standing: 'regressed' }] },
    'what is live was not run itself, and its evidence speaks for it',
  );
  t.match(
    gate({ runs: [run('e', 'new', 'vulnerable'), run('e', 'old', 'resilient')], choices: [stands('new', 'old')] }).findings,
    [{ standing: 'live-unknown' }],
    'an answer of its own comes before what it could stand on',
  );
  t.match(
    gate({ runs: [run('e', 'old', 'vulnerable')], choices: [stands('new', 'old'), stands('live', 'old')] }),
    { decision: 'warn', findings: [{ standing: 'debt' }] },
    'debt stands as well',
  );

  const later = (revision: string) => note(revision, { later: ['e'] });
  t.match(gate({ choices: [later('new')] }), { decision: 'warn', findings: [{ standing: 'put-off', blocks: false }] });
  t.match(gate({ choices: [later('live')] }), {
    decision: 'block',
    findings: [{ standing: 'owed', blocks: true }],
    why: /put off at an earlier deploy/,
  });
  t.match(
    gate({ choices: [later('new'), later('live')] }),
    { decision: 'block', findings: [{ standing: 'owed' }] },
    'nobody puts off twice',
  );
  t.match(gate({ choices: [later('live')], modes: [] }), { decision: 'allow', findings: [{ standing: 'owed', mode: 'report' }] });
  const since = { at: now - day };
  t.match(gate({ runs: [run('e', 'new', 'resilient', since)], choices: [later('live')] }), { decision: 'allow' }, 'run here');
  t.match(
    gate({ runs: [run('e', 'live', 'resilient', since)], choices: [later('live')] }).findings,
    [{ standing: 'untested' }],
    'run there',
  );
  const owed = [{ standing: 'owed', blocks: true }];
  const chosenAgain = note('mid', { run: ['e'], at: now - 1.5 * day });
  for (const [says, more] of [
    ['nobody ran it there, so one more commit clears nothing', {}],
    ['no answer pays nothing', { runs: [run('e', 'mid', 'inconclusive', since)] }],
    ['what was known before it was put off pays nothing', { runs: [run('e', 'mid', 'resilient')] }],
    ['nor does what some revision says that nobody chose for', { runs: [run('e', 'elsewhere', 'resilient', since)] }],
  ] as const)
    t.match(gate({ ...more, choices: [chosenAgain, later('live')] }), { decision: 'block', findings: owed }, says);
  t.match(
    gate({ runs: [run('e', 'mid', 'resilient', since)], choices: [chosenAgain, later('live')] }).findings,
    [{ standing: 'untested' }],
    'run at a revision that was chosen for since',
  );
  t.match(
    gate({ choices: [note('mid', { stands: [{ experiment: 'e', on: 'old' }] }), later('live')] }).findings,
    owed,
    'older evidence pays nothing, whatever a choice makes of it',
  );
  t.match(
    gate({ choices: [note('live', { run: ['e'], at: now - 1.5 * day }), later('live')] }).findings,
    owed,
    'nor does choosing again at the same revision',
  );
  t.end();
});

test('the gate says where a flaw came in, to the revision that it was looked for from', (t) => {
  const cameIn: GateEntry<'came-in'> = {
    kind: 'came-in',
    experiment: 'e',
    good: 'live',
    bad: 'new',
    first: 'mid',
    why: 'it came in with mid',
    who: 'ci',
    at: 1,
  };
  const runs = [run('e', 'new', 'vulnerable'), run('e', 'live', 'resilient')];
  t.match(gate({ runs, cameIn: [cameIn] }), { decision: 'block', why: /regressed: .*; it came in with mid/ });
  t.notMatch(gate({ runs, cameIn: [{ ...cameIn, bad: 'other' }] }).why, /came in/);
  t.notMatch(gate({ runs: [run('e', 'new', 'resilient')], cameIn: [cameIn] }).findings[0]?.says ?? '', /came in/);
  t.end();
});
