import { asides } from '../asides.ts';
import { auditWords, cameInWords, otherReasons, type Report, verdictOf } from '../report.ts';
import { capital, sentences } from '../sentences.ts';
import { harmLine, timeline } from '../timeline.ts';
import { armsPlot } from './arms-plot.ts';

/** The report for a pull request, a ticket or a mail. */
export function markdownReport(report: Report): string {
  const verdict = verdictOf(report);
  const [done, showed] = sentences(report);
  const { run } = report;
  const lines = [
    `# ${verdict === null ? 'No verdict' : capital(verdict.verdict)}: ${plain(run.experiment.name)}`,
    '',
    plain(done),
    plain(showed),
    ...[cameInWords(report)].flatMap((words) => (words === null ? [] : ['', `**${plain(words)}**`])),
    '',
    plain(capital(harmLine(report))),
    '',
  ];
  if (verdict !== null) {
    lines.push('| | | |', '| --- | --- | --- |');
    for (const name of ['held', 'served', 'noticed'] as const)
      lines.push(`| ${name} | **${verdict[name].mark}** | ${plain(verdict[name].why)} |`);
    lines.push('', ...otherReasons(verdict).map((reason) => `- ${plain(reason)}`), '');
    if (verdict.surprises.length > 0) {
      lines.push('## Not declared, but different between the arms', '', '| what | control | experiment |', '| --- | ---: | ---: |');
      for (const one of verdict.surprises) lines.push(`| ${plain(one.what)} | ${one.control} | ${one.experiment} |`);
      lines.push('');
    }
  }
  const plot = armsPlot(report.evidence.blocks, run.createdAt, run.facts.injectedAt ?? null);
  if (plot !== null) lines.push('## Requests that failed, second by second', '', '```text', plot, '```', '');
  const beside = asides(report);
  if (beside.length > 0) lines.push('## Users, beside the comparison', '', ...beside.map((one) => `- ${plain(one)}`), '');
  lines.push('## What was changed, and whether it is back', '', '| | change | state |', '| ---: | --- | --- |');
  for (const entry of report.journal)
    lines.push(`| ${entry.seq} | ${plain(entry.change.does)} | ${entry.state}${entry.note === null ? '' : ` (${plain(entry.note)})`} |`);
  lines.push('', '## When', '', '| s | |', '| ---: | --- |');
  for (const moment of timeline(report)) lines.push(`| ${((moment.at - run.createdAt) / 1000).toFixed(1)} | ${plain(moment.what)} |`);
  lines.push('', `Run \`${run.id}\`. Judge it again from the evidence alone: \`haldane report ${run.id} --recompute\`.`, '');
  const audit = auditWords(report);
  if (audit !== null) lines.push(plain(audit), '');
  return lines.join('\n');
}

/** Words from outside as words: no markup of theirs, and no line of their own. */
function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').replace(/[\\`*_{}[\]<>#|]/g, (char) => `\\${char}`);
}
