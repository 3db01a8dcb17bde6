import { createHmac } from 'node:crypto';
import type { GateAnswer, Notice } from '@haldane/core';
import { plain } from './plain.ts';

/** GitHub takes no longer summary. */
const mostOfSummary = 65_535;

type Shown = Pick<Notice, 'headline' | 'lines' | 'link' | 'topic' | 'runId'>;

/** What a check run is called: one for each experiment on a service. */
export function checkName({ service, environment, experiment }: Notice): string {
  return `Haldane: ${experiment ?? 'run'} on ${service} (${environment})`;
}

/** By what we know a check run for ours, whatever others call theirs. */
export function checkId({ service, environment, experiment }: Notice, repository: string, seal: string): string {
  return createHmac('sha256', seal)
    .update(JSON.stringify(['haldane-check', repository.toLowerCase(), service, environment, experiment]))
    .digest('hex');
}

/** The check run of a run that goes on. */
export function underWay({ headline, lines, link }: Shown) {
  const summary = lines.map((line) => `- ${plain(line)}`).join('\n');
  return { status: 'in_progress', output: { title: cut(headline, 200), summary: cut(summary, mostOfSummary) }, ...details(link) };
}

/**
 * The check run of a run that was judged. It fails only where the gate holds the revision for this experiment, and succeeds only where that has passed: anything
 * else is neutral, which holds nothing up and is not green.
 */
export function concluded({ headline, lines, link }: Shown, experiment: string | null, gate: GateAnswer, report: string | null) {
  const finding = gate.findings.find((one) => one.experiment === experiment);
  const holds = gate.decision === 'block' && finding?.mode === 'block' && finding.blocks && finding.accepted === null;
  const conclusion = holds ? 'failure' : finding?.standing === 'passed' ? 'success' : 'neutral';
  const says = finding === undefined ? gate.why : `mode ${finding.mode}: ${finding.says}`;
  const summary = [`**Gate:** ${plain(says)}`, report ?? lines.map((line) => `- ${plain(line)}`).join('\n')].join('\n\n');
  return { status: 'completed', conclusion, output: { title: cut(headline, 200), summary: cut(summary, mostOfSummary) }, ...details(link) };
}

function details(link: string | null) {
  return link === null ? {} : { details_url: link };
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
