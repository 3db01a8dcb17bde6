import type { ExperimentSpec } from '@haldane/core';
import { type Report, verdictOf } from './report.ts';

/** Two sentences fit to forward: what was done to whom, and what it showed. */
export function sentences(report: Report): readonly [string, string] {
  const { run, evidence } = report;
  const { experiment, facts } = run;
  const revision = shortRevision(facts.deployment?.revision ?? 'unknown revision');
  const injected = report.journal.filter((entry) => entry.change.id.startsWith('fault:')).map((entry) => entry.change.does);
  const act = !experiment.fault
    ? 'was rehearsed without any harmful change'
    : injected.length > 0
      ? `had this done to its experiment arm only: ${injected.join('; ')}`
      : facts.injectedAt === undefined
        ? 'was to be attacked, but nothing harmful was done yet when the run ended'
        : `was attacked in its experiment arm only (${experiment.scenario.id})`;
  const seconds = evidence.blocks.filter((block) => block.phase === 'observing' || block.phase === 'proving').length;
  const done = `${run.service} (${run.environment}, ${revision}) ${act}, for ${seconds} s beside ${controlWords(experiment, hasMetUsers(report))}.`;
  const verdict = verdictOf(report);
  return [
    done,
    verdict === null ? `No verdict: ${run.stop?.why ?? 'the run is not over'}.` : `${capital(verdict.verdict)}: ${verdict.headline}`,
  ];
}

function controlWords({ share, controlTimes = 1 }: ExperimentSpec, metUsers: boolean): string {
  const [arm, whose] =
    controlTimes === 1
      ? ['an equal control arm', `${percent(share)} of real users in each`]
      : [`a control arm of the same kind and ${controlTimes} times the size`, `${percent(share)} of real users in the experiment`];
  return `${arm}, with ${metUsers ? whose : 'no real user in either'}`;
}

/** Whatever was asked for: a run that ends before its slice, or that asks for none, exposes nobody. */
function hasMetUsers({ evidence }: Report): boolean {
  return evidence.blocks.some(({ real }) => real.control.requests + real.experiment.requests > 0);
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

export function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** A commit as people write it: enough of it to find it. */
function shortRevision(revision: string): string {
  return revision.replace(/[0-9a-f]{40}/g, (commit) => commit.slice(0, 12));
}
