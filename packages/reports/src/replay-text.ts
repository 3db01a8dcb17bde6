import { type ExperimentSpec, HaldaneError } from '@haldane/core';
import { judgedFactsOf, type Replayed, replay, underOther } from '@haldane/judge';
import { parseReport, verdictOf } from './report.ts';

/** A stored run beside what it would have come to under other criteria. */
export type Comparison = { readonly name: string; readonly other: string; readonly stored: Replayed; readonly replayed: Replayed };

/**
 * Judges the evidence of a JSON report again, under its own criteria and under those of another experiment of the same scenario. Throws
 * `bad-document` when the text is no report, `refused` when the other experiment is of another scenario.
 */
export function replayReport(text: string, other: ExperimentSpec): Comparison {
  const report = parseReport(text);
  const { criteria, evidence, run } = report;
  if (other.scenario.id !== criteria.spec.scenario.id)
    throw new HaldaneError(
      'refused',
      `the run was of ${criteria.spec.scenario.id}, the other experiment is of ${other.scenario.id}: a log of one says nothing about the other`,
    );
  const facts = judgedFactsOf(run);
  const own = replay(criteria, evidence, facts);
  const verdict = verdictOf(report);
  // What was stored is shown as it was stored.
  const stored: Replayed = verdict === null ? own : { ...own, verdict };
  return { name: criteria.spec.name, other: other.name, stored, replayed: replay(underOther(criteria, other), evidence, facts) };
}

/** Both verdicts side by side, with the bars that differ. */
export function comparisonText({ name, other, stored, replayed }: Comparison): string {
  const rows: (readonly [string, string, string])[] = [];
  const row = (what: string, of: (one: Replayed) => string) => rows.push([what, of(stored), of(replayed)]);
  row('', (one) => (one === stored ? `${name} (stored)` : `${other} (replayed)`));
  row('verdict', ({ verdict }) => verdict.verdict);
  row('held', ({ verdict }) => verdict.held.mark);
  row('served', ({ verdict }) => verdict.served.mark);
  row('noticed', ({ verdict }) => verdict.noticed.result);
  row('seconds under watch', ({ verdict }) => `${verdict.record.seconds}`);
  row(
    'E of harm, needed',
    ({ verdict }) => `${significant(Math.exp(verdict.record.harm.maxLogE))}, ${significant(verdict.record.harm.threshold)}`,
  );
  row('strength', ({ verdict }) => verdict.record.strength);
  row('contact', ({ verdict }) => `${verdict.record.contact.count} of ${verdict.record.contact.needed}`);
  row('alpha', ({ criteria }) => `${criteria.spec.alpha}`);
  row('tolerance', ({ criteria: { spec } }) => `odds ${spec.tolerance.odds}, ${significant(spec.tolerance.points * 100)} points`);
  row('criteria', ({ verdict }) => verdict.record.criteriaHash.slice(0, 12));
  const widths = [0, 1, 2].map((i) => Math.max(...rows.map((cells) => (cells[i] ?? '').length)));
  const table = rows.map((cells) => `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
  return [
    ...table,
    '',
    `stored:   ${stored.ended}`,
    `          ${stored.verdict.headline}`,
    `replayed: ${replayed.ended}`,
    `          ${replayed.verdict.headline}`,
    '',
  ].join('\n');
}

function significant(value: number): string {
  return value >= 1e6 ? 'above 1000000' : `${Number(value.toPrecision(3))}`;
}
