import type { StageStatus, StageView } from '@haldane/client';
import type { Weighed } from '@haldane/core';
import { goesOn } from '../stage-mode.ts';
import type { Chosen } from './choose-among.ts';
import type { Inputs } from './inputs.ts';
import { reportOf } from './run-stage.ts';
import type { Step } from './step.ts';

/** What counts of several, the first of them: whoever reads one word is to read that. */
const worstFirst: readonly StageStatus[] = ['NOT_RESTORED', 'ABORTED', 'REFUSED', 'VULNERABLE', 'INVALID', 'INCONCLUSIVE', 'PASSED'];

type Answer = Pick<StageView, 'run' | 'status' | 'verdict'>;

/**
 * Runs what was chosen, one after the other, and says whether the job may go on. Evidence that stands counts as what it showed; what was put off
 * holds nothing now, and the gate asks for it later. A run that ended without having learned anything ends the row: the service is not fit for another.
 */
export async function runChosen(
  step: Step,
  { server, mode }: Pick<Inputs, 'server' | 'mode'>,
  { choice, fileOf }: Chosen,
  run: (file: string, experiment: string) => Promise<StageView>,
): Promise<boolean> {
  const lines = [...words('run', choice.run), ...words('put off', choice.later), ...words('stands', choice.stands)];
  for (const line of lines) step.say(line);
  step.summary(`${summaryOf(choice)}\n\n\`\`\`\n${lines.join('\n').replaceAll('`', "'")}\n\`\`\``);
  step.output('put-off', choice.later.map(({ experiment }) => fileOf(experiment)).join('\n'));
  if (choice.later.length > 0)
    step.annotate(
      'warning',
      'Haldane: put off',
      `${namesOf(choice.later)}: to be run where this revision is live, before the next promotion`,
    );
  const answers = choice.stands.flatMap(evidenceOf);
  for (const { experiment } of choice.run) {
    const view = await run(fileOf(experiment), experiment);
    answers.push(view);
    if (!goesOn('report').includes(view.status)) break;
  }
  const [worst] = answers.sort((a, b) => worstFirst.indexOf(a.status) - worstFirst.indexOf(b.status));
  step.output('run-id', worst?.run ?? '');
  step.output('report', worst === undefined ? '' : reportOf(server, worst.run));
  step.output('status', worst?.status ?? 'PUT_OFF');
  step.output('verdict', worst?.verdict ?? '');
  const mayGoOn = answers.every(({ status }) => goesOn(mode).includes(status));
  step.annotate(mayGoOn ? 'notice' : 'error', `Haldane: ${worst?.status ?? 'PUT_OFF'}`, summaryOf(choice));
  return mayGoOn;
}

function evidenceOf({ verified }: Weighed): readonly Answer[] {
  if (verified === null) return [];
  const { runId, verdict } = verified;
  return [{ run: runId, status: verdict === 'resilient' ? 'PASSED' : 'VULNERABLE', verdict }];
}

function summaryOf({ service, environment, revision, run, later, stands }: Chosen['choice']): string {
  return `${service} in ${environment} at ${revision}: ${run.length} to run, ${later.length} put off until after the deploy, ${stands.length} stand on their evidence`;
}

function words(what: string, of: readonly Weighed[]): readonly string[] {
  return of.map(({ experiment, why }) => `${what}: ${experiment}: ${why}`);
}

function namesOf(of: readonly Weighed[]): string {
  return of.map(({ experiment }) => experiment).join(', ');
}
