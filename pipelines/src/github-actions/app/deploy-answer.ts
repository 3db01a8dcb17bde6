import type { GateAnswer, StageView } from '@haldane/client';
import { cutTo } from '@haldane/core';
import type { Ended } from '../../look-at-row.ts';
import type { DeployRule } from './app-file.ts';

/** What GitHub is told. Without a state the deploy goes on waiting, for a person. */
export type DeployAnswer = { readonly state: 'approved' | 'rejected' | null; readonly comment: string };

/** GitHub takes no longer comment. */
const mostOfComment = 1_024;
const answers: readonly StageView['status'][] = ['PASSED', 'VULNERABLE'];

/**
 * What is said of a deploy whose experiments are over, or not needed. Pure. Only the gate rejects, and what it lets through whatever was found goes on; else an
 * experiment without an answer is what the rule says of it, and never passes in silence, nor does a deploy of which all was put off (`later`). `beside`: what else is
 * said of experiments that were not run.
 */
export function deployAnswer(
  rule: Pick<DeployRule, 'inconclusive'>,
  ended: readonly Ended[],
  gate: GateAnswer,
  link: string | null,
  { beside = [], later = [] }: { readonly beside?: readonly string[]; readonly later?: readonly string[] } = {},
): DeployAnswer {
  const unanswered = ended.filter(({ view, ran }) => view === null || ran !== gate.revision || !answers.includes(view.status));
  // Beside an answer, what was put off is what the rule asked for, and the gate's at the next promotion; alone it is no answer at all.
  const open = [...unanswered.map(({ name }) => name), ...(ended.length === 0 ? later : [])];
  const said = ended.map((one) => lineOf(one, gate.revision, link));
  const told = (state: DeployAnswer['state'], headline: string, ...more: readonly string[]): DeployAnswer => ({
    state,
    comment: fitting([
      `**Haldane: ${headline}**`,
      ...more.map(plain),
      `Gate (${gate.decision}): ${plain(gate.why)}`,
      ...said,
      ...beside.map((line) => `- ${plain(line)}`),
    ]),
  });
  if (gate.decision === 'block')
    return told(
      'rejected',
      'held',
      `Whoever may lets it through: haldane break-glass ${gate.service} ${gate.environment} ${gate.revision}; then run the job again.`,
    );
  if (gate.open !== null) return told('approved', 'goes on');
  if (open.length > 0) {
    const without = `No answer of ${open.join(', ')}.`;
    if (rule.inconclusive === 'reject') return told('rejected', 'NOT PROVEN, and held', without);
    if (rule.inconclusive === 'wait')
      return told(null, 'NOT PROVEN: it waits for a person', without, 'Run the job again, or go on without this rule.');
    return told('approved', 'NOT PROVEN, and let through', without);
  }
  return told('approved', gate.decision === 'warn' ? 'goes on, with a warning' : 'goes on');
}

/** Words from outside as words: no markup, no mention, no line of theirs. */
export function plain(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/[\\`*_{}[\]<>#|~&]/g, (char) => `\\${char}`)
    .replace(/@(?=[A-Za-z0-9])/g, '@\u200b');
}

export function fitting(lines: readonly string[]): string {
  return cutTo(lines.join('\n\n'), mostOfComment).replace(/\\…$/, '…');
}

function lineOf({ name, view, ran, why }: Ended, revision: string, link: string | null): string {
  if (view === null) return `- ${plain(name)}: did not begin: ${plain(cutTo(why, 200))}`;
  const where =
    link === null
      ? `\`haldane report ${view.run}\``
      : `[report](${link.replace(/\/$/, '')}/v1/runs/${encodeURIComponent(view.run)}/report?format=html)`;
  const elsewhere = ran === revision ? '' : ` ON ANOTHER REVISION (${plain(cutTo(ran ?? 'none', 60))})`;
  return `- ${plain(name)}: ${view.status}${elsewhere}, ${plain(cutTo(view.progress, 200))} (${where})`;
}
