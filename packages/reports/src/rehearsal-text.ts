import type { Measured, RehearsedSituation } from '@haldane/judge';

const columns = ['situation', 'accused', 'blocked', 'budget', 'void', 'missed', 'delay: mean', '95 %'] as const;

/** What a rehearsal measured, a row a situation: shares in percent with their standard errors, delays in seconds. */
export function rehearsalText(rows: readonly RehearsedSituation[]): string {
  const sound = rows.filter((row) => !row.situation.harmful);
  const harmed = rows.filter((row) => row.situation.harmful);
  const cells = (row: RehearsedSituation): readonly string[] => [
    row.situation.says,
    shareText(row.accused),
    shareText(row.blocked),
    shareText(row.budgetSpent),
    shareText(row.voided),
    row.missed === null ? '' : shareText(row.missed),
    row.delay === null || row.missed === null ? '' : `${row.delay.mean.toFixed(1)} ± ${row.delay.error.toFixed(1)} s`,
    row.delay === null || row.missed === null ? '' : `${row.delay.p95} s`,
  ];
  const table = [columns, ...rows.map(cells)];
  const widths = columns.map((_, i) => Math.max(...table.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`.trimEnd();
  return [
    'Nothing is wrong here: every accusation is a false stop, every block a false block',
    line(columns),
    ...sound.map((row) => line(cells(row))),
    '',
    'Something is wrong here: what is neither accused nor ended by the budget is missed',
    line(columns),
    ...harmed.map((row) => line(cells(row))),
    '',
    'accused: harm called proven. blocked: strong enough to block a deploy (E of 1000). budget: ended by the budget, which accuses nobody.',
    'void: called incomparable. Shares in percent, ± one standard error; 0 of n runs still allows about 3/n.',
    '',
  ].join('\n');
}

function shareText({ share, error }: Measured): string {
  return `${(share * 100).toFixed(1)} ± ${(error * 100).toFixed(1)}`;
}
