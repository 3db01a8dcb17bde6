import { isBack, type Mark, type Verdict } from '@haldane/core';
import { cameInWords, type Report, verdictOf } from '../report.ts';

type Case = { readonly name: string; readonly outcome: 'passed' | 'failure' | 'error' | 'skipped'; readonly says: string };

const ofMark: Readonly<Record<Mark, Case['outcome']>> = { yes: 'passed', no: 'failure', unknown: 'skipped' };
const ofVerdict: Readonly<Record<Verdict['verdict'], Case['outcome']>> = {
  resilient: 'passed',
  vulnerable: 'failure',
  inconclusive: 'skipped',
  invalid: 'error',
};

/** The report for what shows tests in a CI system: one suite, a case for the verdict, for each mark and for the way back. What is not known is skipped, and never passed. */
export function junitReport(report: Report): string {
  const { run, evidence } = report;
  const { service, environment, experiment, facts } = run;
  const cases = casesOf(report);
  const count = (outcome: Case['outcome']) => cases.filter((one) => one.outcome === outcome).length;
  const ended = facts.restored?.at ?? evidence.blocks.at(-1)?.at ?? run.createdAt;
  const seconds = Math.max(0, (ended - run.createdAt) / 1000).toFixed(3);
  const suite = xml('testsuite', {
    name: experiment.name,
    tests: cases.length,
    failures: count('failure'),
    errors: count('error'),
    skipped: count('skipped'),
    time: seconds,
    timestamp: new Date(run.createdAt).toISOString().slice(0, 19),
  });
  const lines = cases.map(({ name, outcome, says }) => {
    const opened = xml('testcase', { classname: `${service}.${environment}.${experiment.name}`, name });
    return `    ${opened}${inside(outcome, says)}</testcase>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  ${suite}\n${lines.join('\n')}\n  </testsuite>\n</testsuites>\n`;
}

/** Not every reader of this format knows attributes of `skipped`. */
function inside(outcome: Case['outcome'], says: string): string {
  if (outcome === 'passed') return '';
  return outcome === 'skipped' ? `<skipped>${escaped(says)}</skipped>` : `${xml(outcome, { message: says })}</${outcome}>`;
}

function casesOf(report: Report): readonly Case[] {
  const verdict = verdictOf(report);
  const { stop, facts } = report.run;
  const back: Case = {
    name: 'everything was put back',
    outcome: isBack(facts) === null ? 'skipped' : isBack(facts) ? 'passed' : 'error',
    says: facts.restored?.stuck.join('; ') || 'nothing was changed yet',
  };
  if (verdict === null) return [{ name: 'verdict', outcome: 'skipped', says: stop?.why ?? 'the run is not over' }, back];
  const marks = (['held', 'served', 'noticed'] as const).map((name) => ({
    name,
    outcome: ofMark[verdict[name].mark],
    says: verdict[name].why,
  }));
  const says = [verdict.headline, cameInWords(report)].filter((words) => words !== null).join('. ');
  return [{ name: 'verdict', outcome: ofVerdict[verdict.verdict], says }, ...marks, back];
}

/** An opening tag. Words from outside as words: also no character that XML 1.0 knows not. */
function xml(tag: string, attributes: Readonly<Record<string, string | number>>): string {
  const said = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(String(value))}"`);
  return `<${tag}${said.join('')}>`;
}

function escaped(words: string): string {
  return words
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]+/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
