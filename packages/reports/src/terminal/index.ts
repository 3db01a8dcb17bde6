import type { Marked, Verdict } from '@haldane/core';
import pc from 'picocolors';
import { asides } from '../asides.ts';
import { auditWords, cameInWords, otherReasons, type Report, verdictOf } from '../report.ts';
import { sentences } from '../sentences.ts';
import { harmLine, timeline } from '../timeline.ts';

const colours = { resilient: pc.green, vulnerable: pc.red, inconclusive: pc.yellow, invalid: pc.magenta } as const;
const marks = { yes: pc.green('yes    '), no: pc.red('no     '), unknown: pc.yellow('unknown') } as const;

/** The report as a terminal shows it. */
export function terminalReport(report: Report): string {
  const verdict = verdictOf(report);
  const [done, showed] = sentences(report);
  const started = report.run.createdAt;
  return [
    '',
    verdict === null ? pc.bold('NO VERDICT') : markVerdict(verdict),
    '',
    printable(done),
    printable(showed),
    ...[cameInWords(report)].flatMap((words) => (words === null ? [] : [printable(words)])),
    harmLine(report),
    '',
    ...[...(verdict === null ? [] : otherReasons(verdict)), ...asides(report)].map((reason) => `  · ${printable(reason)}`),
    ...(verdict !== null && verdict.surprises.length > 0
      ? [
          '',
          'Not declared, but different between the arms (never counts against the verdict):',
          ...verdict.surprises.map((one) => `  ? ${printable(one.what)}: control ${one.control}, experiment ${one.experiment}`),
        ]
      : []),
    '',
    pc.dim('When'),
    ...timeline(report).map((moment) => pc.dim(`  ${((moment.at - started) / 1000).toFixed(1).padStart(6)} s  ${printable(moment.what)}`)),
    ...(auditWords(report) === null ? [] : ['', pc.dim(auditWords(report) ?? '')]),
    '',
  ].join('\n');
}

/** The verdict and its three marks, in four lines. */
export function markVerdict(verdict: Verdict): string {
  const mark = (name: string, one: Marked) => `  ${name.padEnd(8)} ${marks[one.mark]} ${printable(one.why)}`;
  return [
    colours[verdict.verdict](pc.bold(verdict.verdict.toUpperCase())),
    mark('held', verdict.held),
    mark('served', verdict.served),
    mark('noticed', { mark: verdict.noticed.mark, why: `${verdict.noticed.result}: ${verdict.noticed.why}` }),
  ].join('\n');
}

/** Words from outside on one line: what could move the cursor or speak to the terminal is left out. */
function printable(words: string): string {
  return words.replace(/\p{Cc}+/gu, ' ');
}
