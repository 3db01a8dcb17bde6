import { type Report, verdictOf } from './report.ts';

export type Moment = { readonly at: number; readonly what: string };

/** What happened when, in order. */
export function timeline(report: Report): readonly Moment[] {
  const { run, evidence } = report;
  const { facts } = run;
  const moments: Moment[] = evidence.marks.map((mark) => ({ at: mark.at, what: `phase ${mark.phase}` }));
  if (facts.injectedAt !== undefined)
    moments.push({ at: facts.injectedAt, what: run.experiment.fault ? 'the change was made' : 'the change would have been made' });
  for (const check of evidence.checks)
    moments.push({ at: check.at, what: `${check.name} ${check.passed ? 'seen' : 'FAILED'}: ${check.seen}` });
  for (const accept of evidence.accepts.slice(0, 5))
    moments.push({
      at: accept.at,
      what: `LET IN: ${accept.request} with ${accept.forgery ?? 'no forgery'} in ${accept.arm}; control answered ${accept.confirmation ?? 'nothing'}`,
    });
  for (const alert of evidence.alerts) moments.push({ at: alert.receivedAt, what: `alert ${alert.rule} reached ${alert.receiver}` });
  if (run.stop !== null) moments.push({ at: run.stop.at, what: `stopped: ${run.stop.reason}, ${run.stop.why}` });
  if (facts.offAt !== undefined && facts.decidedAt !== undefined)
    moments.push({ at: facts.offAt, what: `no more users in the arms, ${facts.offAt - facts.decidedAt} ms after the decision` });
  if (facts.restored !== undefined)
    moments.push({
      at: facts.restored.at,
      what: facts.restored.clean ? 'everything was put back' : `NOT PUT BACK: ${facts.restored.stuck.join('; ')}`,
    });
  if (facts.cleanAt !== undefined) moments.push({ at: facts.cleanAt, what: 'what could not be put back at first was put back, too' });
  return moments.sort((a, b) => a.at - b.at);
}

/** How users fared, in one line. */
export function harmLine(report: Report): string {
  const verdict = verdictOf(report);
  if (verdict === null) return 'not known';
  const { budget } = verdict.record;
  const { facts } = report.run;
  const off =
    facts.offAt !== undefined && facts.decidedAt !== undefined ? `; from decision to no traffic: ${facts.offAt - facts.decidedAt} ms` : '';
  return `users hurt: ${budget.spent} of at most ${budget.cap}${off}`;
}
