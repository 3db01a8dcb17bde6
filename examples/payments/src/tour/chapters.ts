import type { HaldaneClient } from '@haldane/client';
import type { Run } from '@haldane/core';
import { markVerdict } from '@haldane/reports';
import { differences, type Expected } from './expected.ts';
import type { Printer } from './printer.ts';
import type { Underway } from './runs.ts';

/** Waits for something while one line says what is going on. */
export async function waiting<T>(print: Printer, status: () => string, what: Promise<T>): Promise<T> {
  const timer = setInterval(() => print.progress(status()), 500);
  try {
    return await what;
  } finally {
    clearInterval(timer);
  }
}

/** Tells how a run ended; true when it ended as it should. */
export async function tell(print: Printer, begun: Promise<Underway>, expected: Expected): Promise<boolean> {
  const underway = await waiting(print, () => 'its users arrive', begun);
  const run = await waiting(print, underway.status, underway.ended);
  const { verdict } = run.facts;
  if (verdict !== undefined) {
    print.text(markVerdict(verdict));
    for (const reason of verdict.reasons.filter((one) => !/^(held|served|noticed|stopped):/.test(one)).slice(0, 4))
      print.text(`· ${reason}`);
  }
  for (const line of numbers(run)) print.text(line);
  const wrong = differences(run, expected);
  for (const one of wrong) print.bad(one);
  if (wrong.length === 0) print.ok(`as expected: ${expected.verdict}${expected.stop === undefined ? '' : `, stopped by ${expected.stop}`}`);
  return wrong.length === 0;
}

function numbers(run: Run): readonly string[] {
  const { verdict, decidedAt, offAt } = run.facts;
  if (verdict === undefined) return [`no verdict: ${run.stop?.why ?? 'the run is not over'}`];
  const { record } = verdict;
  const lines = [
    `users hurt: ${record.budget.spent} of at most ${record.budget.cap} · fault met ${record.contact.count} times · ${record.hostile.accepted} of ${record.hostile.sent} forged tokens accepted`,
  ];
  if (decidedAt !== undefined && offAt !== undefined && run.stop !== null)
    lines.push(`from decision to zero traffic: ${offAt - decidedAt} ms`);
  return lines;
}

/** The plan of an experiment. */
export async function tellPlan(
  print: Printer,
  client: HaldaneClient,
  file: string,
  planText: (plan: Awaited<ReturnType<HaldaneClient['plan']>>) => string,
): Promise<boolean> {
  const plan = await client.plan(file);
  print.text(planText(plan).trimEnd());
  return plan.refusals.length === 0;
}
