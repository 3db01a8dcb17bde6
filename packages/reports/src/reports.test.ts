import { readFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import {
  type Alert,
  type Arm,
  type Block,
  type Change,
  type Criteria,
  type Evidence,
  type ExperimentSpec,
  emptyProbeTally,
  type JudgedFacts,
  type Phase,
  type Plan,
  type Run,
  type Stop,
} from '@haldane/core';
import { haldane1, rejudge } from '@haldane/judge';
import { type Test, test } from 'tap';
import { validateXML } from 'xmllint-wasm';
import { noticeOf, parseReport, planText, type Report, recompute, reports } from './index.ts';
import { sentences } from './sentences.ts';

/* Reports of runs that were folded by the real judge, second by second, over a service that behaves as each case says. */

type Behaviour = {
  /** Shares (0..1) of the experiment's answers since the change. */
  readonly failing?: number;
  readonly lettingIn?: number;
  readonly met?: number;
  readonly leaking?: number;
  readonly fault?: boolean;
  /** Goes into every field that the outside can fill. */
  readonly words?: string;
  readonly budget?: number;
};

const start = 1_800_000_000;

function specOf({ fault = true, words = '', budget = 1000 }: Behaviour): ExperimentSpec {
  return {
    service: `payments${words}`,
    environment: 'test',
    name: `keys-away${words}`,
    about: words,
    scenario: { id: `idp-jwks-unavailable${words}`, params: {} },
    fault,
    platform: 'local',
    pipeline: 'manifest',
    metrics: 'router',
    manifest: 'service.yaml',
    share: 0.2,
    exposure: 'all',
    expectedRate: null,
    instances: 1,
    baselineSeconds: 5,
    watchSeconds: 20,
    probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
    budget: { failures: budget, latencyLimitMs: 5000 },
    tolerance: { odds: 1.25, points: 0.001 },
    alpha: 0.05,
    contact: 30,
    noticed: {
      source: 'webhook',
      expect: { rules: [`keys-failing${words}`], receiver: `oncall${words}`, withinSeconds: 10, fields: [] },
      heartbeatWithinSeconds: 5,
    },
  };
}

/** What the judge saw of such a service, and the report that follows from it. */
function reportOf(behaviour: Behaviour = {}): Report {
  const { failing = 0, lettingIn = 0, met = 20, leaking = 0, words = '', fault = true } = behaviour;
  const spec = specOf(behaviour);
  const criteria: Criteria = { spec, act: 'change', contactUnit: 'dependency-call', timeConstantSeconds: 0, changes: 1 };
  const injectedAt = (start + 5) * 1000;
  const checks: Evidence['checks'] = [
    { name: 'heartbeat', at: start * 1000 + 500, passed: true, seen: `alert heartbeat reached oncall${words}` },
    ...(fault ? [{ name: 'effect' as const, at: injectedAt, passed: true, seen: `503${words}` }] : []),
    { name: 'heal', at: (start + 40) * 1000, passed: true, seen: `200${words}` },
  ];
  const accepts: Evidence['accepts'][number][] = [];
  const blocks: Block[] = [];
  let stop: Stop | null = null;
  let phase: Phase = 'baseline';
  let state = haldane1.begin(criteria);
  let spent = 0;
  for (let at = start; at < start + 60; at += 1) {
    const under = at >= start + 5 && fault;
    const tally = (requests: number, share: number) => {
      const failures = Math.round(requests * share);
      return { requests, failures, classes: [requests - failures, 0, 0, 0, 0, 0, failures, 0] };
    };
    const users = phase === 'proving' ? 0 : 40;
    const real = { production: tally(100, 0), control: tally(users, 0), experiment: tally(users, under ? failing : 0) };
    spent += real.experiment.failures;
    const served = { ...emptyProbeTally, sent: 5, classes: [5, 0, 0, 0, 0, 0, 0, 0], accepted: 5 };
    const hostile = (arm: Arm) => {
      const accepted = under && arm === 'experiment' ? Math.round(20 * lettingIn) : 0;
      return { ...emptyProbeTally, sent: 20, classes: [accepted, 0, 20 - accepted, 0, 0, 0, 0, 0], accepted, denied: 20 - accepted };
    };
    const block: Block = {
      at,
      phase,
      real,
      keys: { control: 0, experiment: 0 },
      failedKeys: { control: 0, experiment: 0 },
      switched: 0,
      dependencyCalls: { control: 20, experiment: 20 },
      met: { control: under ? leaking : 0, experiment: under ? met : 0 },
      budget: { spent, cap: spec.budget.failures, credit: 0 },
      narrowed: false,
      latency: { control: [[230, users]], experiment: [[230, users]] },
      legitimate: { control: served, experiment: served },
      hostile: { control: hostile('control'), experiment: hostile('experiment') },
      healthy: { control: 1, experiment: 1 },
    };
    if (block.hostile.experiment.accepted > 0)
      accepts.push({
        request: `me${words}`,
        forgery: 'wrong-key',
        class: 'success',
        outcome: 'accepted',
        status: 200,
        latencyMs: 3,
        at: at * 1000 + 500,
        arm: 'experiment',
        confirmation: 'denied',
      });
    blocks.push(block);
    const stepped = haldane1.step(state, block, { checks, accepts });
    state = stepped.state;
    const { decision } = stepped;
    if (decision.do === 'stop') {
      stop = { reason: decision.reason, why: `${decision.why}${words}`, at: (at + 1) * 1000 };
      break;
    }
    if (decision.do === 'next' && phase === 'observing') break;
    if (decision.do === 'next') phase = phase === 'baseline' ? 'proving' : 'observing';
  }
  const alerts: readonly Alert[] = fault
    ? [
        {
          id: '1',
          receiver: `oncall${words}`,
          rule: `keys-failing${words}`,
          severity: 'high',
          receivedAt: injectedAt + 2000,
          fields: { instance: 'r1.experiment-0', summary: words },
        },
      ]
    : [];
  const evidence: Evidence = {
    blocks,
    checks,
    accepts,
    alerts,
    features: [{ kind: 'error', name: `keys unavailable${words}`, control: 0, experiment: 500 }],
    marks: blocks.flatMap((block, index) =>
      blocks[index - 1]?.phase === block.phase ? [] : [{ phase: block.phase, at: block.at * 1000 }],
    ),
    effectAt: fault ? injectedAt : null,
    instances: { control: ['r1.control-0'], experiment: ['r1.experiment-0'] },
  };
  const restored = { at: (start + 61) * 1000, clean: true, stuck: [], superseded: [] };
  const facts: JudgedFacts = { stop, injectedAt, restored };
  const run: Run = {
    id: 'r1abc',
    service: spec.service,
    environment: 'test',
    experiment: spec,
    phase: 'reporting',
    stop,
    abortAsked: null,
    facts: {
      injectedAt,
      decidedAt: (start + 60) * 1000,
      offAt: (start + 60) * 1000 + 40,
      restored,
      verdict: rejudge(criteria, evidence, facts),
    },
    version: 9,
    createdAt: (start - 2) * 1000,
  };
  const change: Change = {
    id: 'fault:experiment:keys',
    kind: 'local.fault',
    params: {},
    standsOn: [],
    does: `answers 503 in place of keys${words}`,
    undo: `passes calls on${words}`,
  };
  return { format: 'haldane-report/1', run, criteria, evidence, journal: [{ seq: 1, change, state: 'reverted', note: `back${words}` }] };
}

const cases: Readonly<Record<string, Behaviour>> = {
  resilient: {},
  vulnerable: { failing: 0.2 },
  inconclusive: { met: 0 },
  invalid: { leaking: 5 },
};

test('each verdict is told in every form, with its reasons, its timeline and what was put back', async (t) => {
  for (const [verdict, behaviour] of Object.entries(cases)) {
    const report = reportOf(behaviour);
    const { headline } = report.run.facts.verdict ?? {};
    t.equal(report.run.facts.verdict?.verdict, verdict, headline ?? 'no verdict');
    const terminal = stripVTControlCharacters(reports.terminal(report));
    t.match(terminal, new RegExp(`^${verdict.toUpperCase()}$`, 'm'));
    t.ok(terminal.includes(headline ?? '?'), 'the terminal says it in a sentence');
    t.match(terminal, /^ {2}held +(yes|no|unknown)/m);
    t.match(terminal, / {2}7\.0 s {2}the change was made/);

    const markdown = reports.markdown(report);
    t.match(markdown, new RegExp(`^# ${verdict[0]?.toUpperCase()}${verdict.slice(1)}: keys-away`));
    t.match(markdown, /\| 1 \| answers 503 in place of keys \| reverted \(back\) \|/);
    t.match(markdown, /no more users in the arms, 40 ms after the decision/);

    const [, control = '', experiment = ''] = /```text\ncontrol {4}(\S+)\nexperiment (\S+)\n {16}\^ the change\n/.exec(markdown) ?? [];
    t.equal(control.length, report.evidence.blocks.length, 'a column a second');
    t.equal(/[▂-█]/.test(experiment), 'failing' in behaviour, 'what failed is seen');
    t.notMatch(control, /[▂-█]/);

    const html = reports.html(report);
    t.match(html, `<p class="verdict ${verdict}">${verdict}</p>`);
    t.equal(html.match(/<svg /g)?.length, 4, 'four charts');
    t.notMatch(html, /NaN|undefined|Infinity/);
    selfContained(t, html);

    t.same(parseReport(reports.json(report)), JSON.parse(JSON.stringify(report)));

    const junit = reports.junit(report);
    const outcomes = ['failure ', 'error ', 'skipped>'].map((one) => junit.split(`<${one}`).length - 1);
    t.match(junit, `tests="5" failures="${outcomes[0]}" errors="${outcomes[1]}" skipped="${outcomes[2]}"`);
    const said = { resilient: '</testcase>', vulnerable: '<failure', inconclusive: '<skipped', invalid: '<error' }[verdict];
    t.match(junit, `<testcase classname="payments.test.keys-away" name="verdict">${said}`);
    t.match(junit, '<testcase classname="payments.test.keys-away" name="everything was put back"></testcase>');
  }
});

test('where a flaw came in, as a bisect found, is in every form that people read, and is told', async (t) => {
  const why = 'the flaw came in with abc (Cache keys), as a bisect of 4 runs found';
  const report = { ...reportOf({ failing: 0.2 }), cameIn: why };
  for (const form of ['terminal', 'html', 'junit'] as const) t.ok(reports[form](report).includes(`Where it came in: ${why}.`), form);
  t.match(reports.markdown(report), /^\*\*Where it came in: the flaw came in with abc \(Cache keys\)/m);
  t.equal(parseReport(reports.json(report)).cameIn, why);
  const data = { experiment: 'keys-away', good: 'aaa', bad: 'bbb', first: 'abc', why };
  const news = { id: 'n1', topic: 'came-in', service: 'payments', environment: 'staging', runId: null, data, at: 0 } as const;
  const told = { news, run: null, report: null, team: null, link: null };
  t.match(noticeOf(told), {
    headline: 'payments (staging): keys-away, the flaw came in with abc',
    lines: [`The flaw came in with abc (Cache keys), as a bisect of 4 runs found.`, 'It was resilient at aaa and is vulnerable at bbb.'],
    experiment: 'keys-away',
    revision: 'bbb',
    cameInWith: 'abc',
  });
  const range = noticeOf({ ...told, news: { ...news, data: { ...data, first: null } } });
  t.match(range.headline, /it is known between which revisions/);
  t.notOk('cameInWith' in range);
});

function selfContained(t: Test, html: string) {
  t.notMatch(html, /<script|javascript:|\son[a-z]+=|<link|<img|<iframe|\ssrc=|\shref=|url\(|@import/i);
  t.notMatch(html, /https?:\/\//, 'no address to fetch');
  t.match(html, /default-src 'none'/);
}

test('what the outside wrote is shown and never obeyed', async (t) => {
  const words = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>&|\`x\`[a](javascript:b)`;
  for (const behaviour of [...Object.values(cases), { lettingIn: 1 }, { fault: false }]) {
    const report = { ...reportOf({ ...behaviour, words }), cameIn: words };
    const html = reports.html(report);
    t.notMatch(html, /<script|<img/i);
    t.match(html, /&#60;script&#62;/, 'but it can be read');
    // Whatever is left of markup is ours alone: the same tags as in a report without such words, in any number.
    const tags = (text: string) => new Set([...text.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, '=""')));
    const known = tags(reports.html({ ...reportOf(behaviour), cameIn: 'x' }));
    t.same(
      [...tags(html)].filter((tag) => !known.has(tag)),
      [],
    );
    const markdown = reports.markdown(report);
    t.notMatch(markdown, /(^|[^\\])[<>]|[^\\]\[a\]/m, 'no markup and no link of theirs in markdown');
    for (const row of markdown.split('\n').filter((line) => line.startsWith('| ')))
      t.ok([3, 4].includes(row.replace(/\\./g, '').split('|').length - 1), `a row keeps its cells: ${row.slice(0, 60)}`);
  }
});

test('a word with a line break or a control character stays where it is put', async (t) => {
  const words = '\n# Resilient\n\u001b[2J\u001b]0;pwned\u0007';
  const report = { ...reportOf({ lettingIn: 1, words }), cameIn: words };
  t.notMatch(reports.markdown(report), /^# Resilient/m, 'no heading of theirs');
  const terminal = reports.terminal(report);
  for (const command of ['\u001b[2J', '\u001b]0;', '\u0007']) t.notOk(terminal.includes(command), 'no command to the terminal');
  t.notMatch(terminal, /^# Resilient/m);
});

test('the verdict is made again from an exported report alone, and one that was tampered with is found out', async (t) => {
  for (const behaviour of Object.values(cases)) {
    const text = reports.json(reportOf(behaviour));
    const { verdict, same } = recompute(text);
    t.equal(same, true);
    t.same(JSON.parse(JSON.stringify(verdict)), JSON.parse(text).run.facts.verdict);
  }
  type Loose = {
    run: { facts: { verdict: { verdict: string } } };
    evidence: { blocks: { real: { experiment: { failures: number } } }[]; accepts: unknown[] };
  };
  const tampered = (change: (report: Loose) => void) => {
    const report = JSON.parse(reports.json(reportOf(cases['vulnerable'])));
    change(report);
    return recompute(JSON.stringify(report)).same;
  };
  t.equal(
    tampered(({ evidence }) => {
      for (const { real } of evidence.blocks) real.experiment.failures = 0;
    }),
    false,
  );
  t.equal(
    tampered(({ evidence }) => evidence.blocks.splice(-3)),
    false,
  );
  t.equal(
    tampered(({ run }) => Object.assign(run.facts.verdict, { verdict: 'resilient' })),
    false,
  );
  t.throws(() => recompute('{'), { code: 'bad-document' });
  t.throws(() => recompute('{"format":"haldane-report/2"}'), { code: 'bad-document' });
});

test('an arm that failed on every request is drawn at 100 %', async (t) => {
  const report = reportOf({ failing: 1 });
  t.match(report.run.stop?.reason, /harm-proven|budget-spent/);
  const html = reports.html(report);
  t.notMatch(html, /NaN|Infinity/);
  t.match(html, />100 %</);
});

test('a run that was refused, and one that saw no second of traffic, have a report too', async (t) => {
  const whole = reportOf();
  const stop: Stop = { reason: 'refused', why: 'payments is not opted in', at: start * 1000 };
  const empty = { ...whole.evidence, blocks: [], checks: [], accepts: [], alerts: [], features: [], marks: [], effectAt: null };
  const report: Report = { ...whole, run: { ...whole.run, stop, facts: {} }, evidence: empty, journal: [] };
  t.match(stripVTControlCharacters(reports.terminal(report)), /NO VERDICT[\s\S]*payments is not opted in/);
  t.match(reports.markdown(report), /^# No verdict: keys-away/);
  t.match(reports.junit(report), /tests="2" failures="0" errors="0" skipped="2"[\s\S]*<skipped>payments is not opted in<\/skipped>/);
  t.match(reports.html(report), /No second of traffic was observed/);
  selfContained(t, reports.html(report));
  t.equal(recompute(reports.json(report)).same, false, 'there was none that could be the same');
});

test('what could not be put back is said in every form', async (t) => {
  const whole = reportOf();
  const restored = { at: (start + 70) * 1000, clean: false, stuck: ['fault:experiment:keys: no answer'], superseded: [] };
  const report: Report = { ...whole, run: { ...whole.run, facts: { ...whole.run.facts, restored } } };
  for (const form of ['terminal', 'markdown', 'html'] as const)
    t.match(reports[form](report), /NOT PUT BACK: fault:experiment:keys: no answer/);
  t.match(reports.junit(report), /put back"><error message="fault:experiment:keys: no answer">/);
});

test('a report as JUnit is what the schema of Jenkins allows, whatever happened and whatever words are in it', async (t) => {
  const schema = await readFile(new URL('../../../test/schemas/jenkins-junit.xsd', import.meta.url), 'utf8');
  const isValid = async (contents: string) =>
    (await validateXML({ xml: [{ fileName: 'haldane.xml', contents }], schema: [{ fileName: 'junit.xsd', contents: schema }] })).valid;
  for (const behaviour of Object.values(cases)) t.ok(await isValid(reports.junit(reportOf(behaviour))));
  t.ok(await isValid(reports.junit(reportOf({ words: '<failure>"&\u0000\u001b[2J]]>' }))));
  t.notOk(await isValid(reports.junit(reportOf()).replace('<testcase classname', '<testcase class')), 'it would find a mistake');
});

test('a plan says what it would do, who is at risk, and why it is refused', async (t) => {
  const plan: Plan = {
    interrogated: [{ what: 'pipeline manifest', said: 'payments is live at abc' }],
    changes: [{ id: 'a', kind: 'k', params: {}, standsOn: [], does: 'launches control', undo: 'ends control' }],
    atRisk: [
      { who: 'real users', requests: null, why: '10 % of the traffic' },
      { who: 'synthetic', requests: 40, why: 'ours' },
    ],
    caps: [{ name: 'failures', limit: '20', enforcedBy: 'the router' }],
    requestsPerSecond: null,
    power: [
      { effect: '2 % failing', power: 0.8, expectedSeconds: 12 },
      { effect: '1 % failing', power: null, expectedSeconds: null },
    ],
    timeConstants: [{ name: 'key cache', seconds: 5, why: 'kept keys still verify' }],
    notes: ['mind this'],
    refusals: [],
    seconds: { least: 10, most: 60 },
  };
  const text = planText(plan);
  t.match(text, / 1\. launches control\n {6}undone: ends control\n/);
  t.match(text, /real users: number not known yet \(10 % of the traffic\)/);
  t.match(text, /synthetic: about 40 requests/);
  t.match(text, /2 % failing: the smallest effect found with 80 % chance, on average after 12 s/);
  t.match(text, /1 % failing: mostly not within this watch/);
  t.match(text, /Takes 10 to 60 s\.\nNothing was touched\. Nothing stands against this run\.\n$/);
  const refused = planText({ ...plan, refusals: ['not opted in'] });
  t.match(refused, /REFUSED:\n {2}not opted in\n$/);
  t.notMatch(refused, /Nothing stands against/);
});

test('how many users were in the arms is what happened, not what was asked for', async (t) => {
  const report = reportOf();
  const [users] = sentences(report);
  t.match(users, 'an equal control arm, with 20 % of real users in each');
  const none = { requests: 0, failures: 0, classes: [] };
  const blocks = report.evidence.blocks.map((block) => ({ ...block, real: { ...block.real, control: none, experiment: none } }));
  const [nobody] = sentences({ ...report, evidence: { ...report.evidence, blocks } });
  t.match(nobody, 'an equal control arm, with no real user in either');
});
