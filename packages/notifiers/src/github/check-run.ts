import { createHmac } from 'node:crypto';
import { cutTo, type GateAnswer, type Notice } from '@haldane/core';
import { plain } from './plain.ts';

/** GitHub takes no longer summary. */
const mostOfSummary = 65_535;

type Shown = Pick<Notice, 'headline' | 'lines' | 'link' | 'topic' | 'runId' | 'verdict'>;

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
  return { status: 'in_progress', output: { title: cutTo(headline, 200), summary: cutTo(summary, mostOfSummary) }, ...details(link) };
}

/**
 * The check run of a run that was judged. It fails only where the gate holds the revision for this experiment, and succeeds only where that has passed, by this
 * verdict too, which may have been of less than the gate looks at: anything else is neutral, which holds nothing up and is not green.
 */
export function concluded({ headline, lines, link, verdict }: Shown, experiment: string | null, gate: GateAnswer, report: string | null) {
  const finding = gate.findings.find((one) => one.experiment === experiment);
  const holds = gate.decision === 'block' && finding?.mode === 'block' && finding.blocks && finding.accepted === null;
  const conclusion = holds ? 'failure' : finding?.standing === 'passed' && verdict === 'resilient' ? 'success' : 'neutral';
  const says = finding === undefined ? gate.why : `mode ${finding.mode}: ${finding.says}`;
  const summary = [`**Gate:** ${plain(says)}`, report ?? lines.map((line) => `- ${plain(line)}`).join('\n')].join('\n\n');
  return {
    status: 'completed',
    conclusion,
    output: { title: cutTo(headline, 200), summary: cutTo(summary, mostOfSummary) },
    ...details(link),
  };
}

function details(link: string | null) {
  return link === null ? {} : { details_url: link };
}
