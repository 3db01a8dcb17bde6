import type { Plan } from '@haldane/core';

/** A plan as one reads it before saying yes. */
export function planText(plan: Plan): string {
  const lines: string[] = [];
  const section = (title: string, rows: readonly string[]) => {
    if (rows.length === 0) return;
    lines.push(title, ...rows.map((row) => `  ${row}`), '');
  };
  section(
    'Asked',
    plan.interrogated.map((one) => `${one.what}: ${one.said}`),
  );
  section(
    'Would change, in this order (undone from the last to the first, users first of all)',
    plan.changes.flatMap((change, index) => [`${String(index + 1).padStart(2)}. ${change.does}`, `    undone: ${change.undo}`]),
  );
  section(
    'At risk',
    plan.atRisk.map(
      (one) => `${one.who}: ${one.requests === null ? 'number not known yet' : `about ${one.requests} requests`} (${one.why})`,
    ),
  );
  section(
    'Caps',
    plan.caps.map((cap) => `${cap.name}: ${cap.limit} — ${cap.enforcedBy}`),
  );
  section(
    'What it can show',
    plan.power.map(
      (one) =>
        `${one.effect}: ${one.power === null ? '' : `the smallest effect found with ${one.power * 100} % chance, `}${one.expectedSeconds === null ? 'mostly not within this watch' : `on average after ${one.expectedSeconds} s`}`,
    ),
  );
  section(
    'Must pass first',
    plan.timeConstants.map((one) => `${one.name}: ${one.seconds} s (${one.why})`),
  );
  section('Know', plan.notes);
  lines.push(`Takes ${plan.seconds.least} to ${plan.seconds.most} s.`);
  if (plan.refusals.length > 0) lines.push('', 'REFUSED:', ...plan.refusals.map((one) => `  ${one}`));
  else lines.push('Nothing was touched. Nothing stands against this run.');
  return `${lines.join('\n')}\n`;
}
