import { htmlReport } from './html/index.ts';
import { jsonReport } from './json/index.ts';
import { junitReport } from './junit/index.ts';
import { markdownReport } from './markdown/index.ts';
import type { Report } from './report.ts';
import { terminalReport } from './terminal/index.ts';

export { type Bundle, bundleOf, keyIdOf, opened, sealed, statementOf } from './bundle/index.ts';
export { confirm } from './confirm.ts';
export { lifeOf, lifeText } from './life.ts';
export { noticeOf } from './notice.ts';
export { planText } from './plan-text.ts';
export { recompute, recomputed } from './recompute.ts';
export { rehearsalText } from './rehearsal-text.ts';
export { comparisonText, replayReport } from './replay-text.ts';
export { parseReport, type Report } from './report.ts';
export { markVerdict } from './terminal/index.ts';

/** The room's list: every form that a report can take. */
export const reports = {
  terminal: terminalReport,
  markdown: markdownReport,
  html: htmlReport,
  json: jsonReport,
  junit: junitReport,
} as const satisfies Record<string, (report: Report) => string>;
