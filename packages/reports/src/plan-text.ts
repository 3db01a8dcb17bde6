import type { Plan } from '@haldane/core';
import { percent } from './sentences.ts';

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
  section('Budget', plan.budget === undefined ? [] : [budgetText(plan.budget)]);
  section('To find it', plan.find === undefined ? [] : findText(plan.find));
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

function budgetText({ chance, limit, background, smallestSensible }: NonNullable<Plan['budget']>): string {
  return `a sound service, ${percent(background)} of whose requests fail anyway, spends it with a chance of ${percent(chance)} (refused above ${percent(limit)}; the smallest sensible one is ${smallestSensible})`;
}

function findText({ rate, power, requests, choices }: NonNullable<Plan['find']>): readonly string[] {
  if (requests === null)
    return [`${percent(rate)} of requests failing: within the tolerance, or too close to it for any number of requests`];
  const rows = choices.map(
    ({ share, seconds }) =>
      `a share of ${percent(share)}: ${seconds === null ? 'how long is known when the traffic is' : `a watch of ${duration(seconds)}`}`,
  );
  return [`${percent(rate)} of requests failing is found with ${percent(power)} chance within ${requests} requests in each arm:`, ...rows];
}

function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Number((seconds / 3600).toPrecision(3))} h`;
}
