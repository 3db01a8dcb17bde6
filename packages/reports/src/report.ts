import type { AuditHead, Criteria, Evidence, JournalEntry, Run, Verdict } from '@haldane/core';
import { HaldaneError } from '@haldane/core';

/** Everything that a report is made from; the JSON report is exactly this, so that anyone can judge again. */
export type Report = {
  readonly format: 'haldane-report/1';
  readonly run: Run;
  readonly criteria: Criteria;
  readonly evidence: Evidence;
  readonly journal: readonly Pick<JournalEntry, 'seq' | 'change' | 'state' | 'note'>[];
  /** Where the audit log stood when this was written; whoever keeps reports can tell whether it was changed since. */
  readonly audit?: AuditHead | null;
  /** Where the flaw came in, in the words of a bisect; absent when none looked, or the run found no flaw. */
  readonly cameIn?: string;
};

/** The run's verdict; a run that was refused or is still going on has none. */
export function verdictOf(report: Report): Verdict | null {
  return report.run.facts.verdict ?? null;
}

/** Where the audit log stood, in words; null for a report that does not say. */
export function auditWords({ audit }: Report): string | null {
  return audit ? `Audit log at entry ${audit.seq}: ${audit.hash}` : null;
}

/** Where the flaw came in, as a sentence; null when no bisect has looked. */
export function cameInWords({ cameIn }: Pick<Report, 'cameIn'>): string | null {
  return cameIn === undefined ? null : `Where it came in: ${cameIn}.`;
}

/** Why, beside the three marks, which every report shows by themselves. */
export function otherReasons(verdict: Verdict): readonly string[] {
  return verdict.reasons.filter((reason) => !/^(held|served|noticed):/.test(reason));
}

/** Reads a JSON report again. Throws `bad-document` when it is not one. */
export function parseReport(text: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HaldaneError('bad-document', 'this is not a JSON report: export one with haldane report RUN --format json', { cause });
  }
  if (typeof value !== 'object' || value === null || (value as { format?: unknown }).format !== 'haldane-report/1')
    throw new HaldaneError('bad-document', 'format: this is not a Haldane report; it should be "haldane-report/1"');
  return value as Report;
}
