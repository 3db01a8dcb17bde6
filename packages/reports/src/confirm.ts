import { HaldaneError, type Verdict } from '@haldane/core';
import { judgedFactsOf, rejudge } from '@haldane/judge';
import { parseReport, type Report } from './report.ts';

/**
 * The verdict of a run as the confirmation of an earlier one on fresh arms, both from exported JSON reports: the earlier run's E of
 * failures as it ended, judged again from its evidence, multiplies this one's. Throws `refused` when the two do not belong together.
 */
export function confirm(text: string, earlierText: string): Verdict {
  const report = parseReport(text);
  const earlier = parseReport(earlierText);
  const why = whyStrangers(report, earlier);
  if (why !== null) throw new HaldaneError('refused', `run ${report.run.id} cannot confirm run ${earlier.run.id}: ${why}`);
  const { verdict, record } = rejudge(earlier.criteria, earlier.evidence, judgedFactsOf(earlier.run));
  if (verdict !== 'vulnerable' || record.strength === 'none')
    throw new HaldaneError('refused', `run ${earlier.run.id} proved nothing (${verdict}), so there is nothing to confirm`);
  const { logE } = record.more['failuresOnly'] as { readonly logE: number };
  return rejudge(report.criteria, report.evidence, { ...judgedFactsOf(report.run), confirms: { runId: earlier.run.id, logE } });
}

function whyStrangers({ run, criteria }: Report, earlier: Report): string | null {
  if (run.id === earlier.run.id) return 'it is the same run';
  if (run.service !== earlier.run.service || run.environment !== earlier.run.environment) return 'they are of different services';
  if (criteria.spec.scenario.id !== earlier.criteria.spec.scenario.id) return 'they are of different scenarios';
  if (run.facts.deployment?.revision !== earlier.run.facts.deployment?.revision) return 'they are of different revisions';
  return run.createdAt > earlier.run.createdAt ? null : 'the earlier one comes first';
}
