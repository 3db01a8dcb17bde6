import type { Report } from '../report.ts';

/** The report with all evidence: what `haldane report --recompute FILE` judges again. */
export function jsonReport(report: Report): string {
  return `${JSON.stringify(report)}\n`;
}
