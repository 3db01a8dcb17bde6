import type { StageView } from '@haldane/client';
import type { Chosen } from '../choose-among.ts';
import { goesOn } from '../stage-mode.ts';
import { worstOf } from '../worst-of.ts';
import type { Inputs } from './inputs.ts';
import { reportOf } from './run-stage.ts';
import type { Step } from './step.ts';

type Answer = Pick<StageView, 'run' | 'status' | 'verdict'>;

/**
 * Runs what was chosen, one after the other, and says whether the job may go on. Evidence that stands counts as what it showed; what was put off
 * holds nothing now, and the gate asks for it later. A run that ended without having learned anything ends the row: the service is not fit for another.
 */
export async function runChosen(
  step: Step,
  { server, mode }: Pick<Inputs, 'server' | 'mode'>,
  { run: needed, later, stands, lines, summary, unread }: Chosen,
  run: (file: string, experiment: string) => Promise<StageView>,
): Promise<boolean> {
  if (unread !== null)
    step.annotate(
      'warning',
      'Haldane: CHOSEN WITHOUT A DIFFERENCE',
      `${unread}, so nobody can tell what this deploy needs, and every experiment is chosen`,
    );
  for (const line of lines) step.say(line);
  step.summary(`${summary}\n\n\`\`\`\n${lines.join('\n').replaceAll('`', "'")}\n\`\`\``);
  step.output('put-off', later.map(({ file }) => file).join('\n'));
  if (later.length > 0)
    step.annotate(
      'warning',
      'Haldane: put off',
      `${later.map(({ experiment }) => experiment).join(', ')}: to be run where this revision is live, before the next promotion`,
    );
  const answers: Answer[] = [...stands];
  for (const { experiment, file } of needed) {
    const view = await run(file, experiment);
    answers.push(view);
    if (!goesOn('report').includes(view.status)) break;
  }
  const worst = worstOf(answers);
  step.output('run-id', worst?.run ?? '');
  step.output('report', worst === undefined ? '' : reportOf(server, worst.run));
  step.output('status', worst?.status ?? 'PUT_OFF');
  step.output('verdict', worst?.verdict ?? '');
  const mayGoOn = answers.every(({ status }) => goesOn(mode).includes(status));
  step.annotate(mayGoOn ? 'notice' : 'error', `Haldane: ${worst?.status ?? 'PUT_OFF'}`, summary);
  return mayGoOn;
}
