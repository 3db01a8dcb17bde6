import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StageView } from '@haldane/client';
import { type Clock, type HaldaneError, hasCode, messageOf } from '@haldane/core';
import { goesOn } from '../stage-mode.ts';
import type { Door } from './door.ts';
import type { Inputs } from './inputs.ts';
import type { Step } from './step.ts';

const pollMs = 2_000;
/** A run that this step has not asked after for so long is stopped: its runner is lost. */
const unattendedSeconds = 120;
/** How long a Haldane that does not answer is asked again. Longer than that and nobody here knows any more, though the run ends by itself. */
const patienceMs = 300_000;

/** Begins the experiment as a stage under `ref`, shows how it goes, and says whether the job may go on. */
export async function runStage(
  step: Step,
  door: Door,
  inputs: Inputs & { readonly experiment: string },
  ref: string,
  clock: Clock,
): Promise<boolean> {
  const patiently = <T>(work: () => Promise<T>) => askPatiently(work, step, clock);
  let view = await patiently(() =>
    door.ask((client) => client.beginStage(ref, { file: inputs.experiment, unattended: unattendedSeconds })),
  );
  const report = `${inputs.server}/v1/runs/${view.run}/report?format=html`;
  step.output('run-id', view.run);
  step.output('report', report);
  step.say(`run ${view.run}: ${report}`);
  for (let shown = ''; ; ) {
    if (view.progress !== shown) step.say(view.progress);
    shown = view.progress;
    if (view.status !== 'RUNNING') break;
    await clock.sleep(pollMs);
    view = await patiently(() => door.ask((client) => client.stage(ref)));
  }
  step.keep('ended', 'yes');
  step.output('status', view.status);
  step.output('verdict', view.verdict ?? '');
  try {
    await publish(step, door, inputs, view);
  } catch (error) {
    // What the run showed stands, though nobody can read here how.
    step.annotate('warning', 'Haldane', `the report cannot be had here: ${messageOf(error)}; it is at ${report}`);
  }
  const mayGoOn = goesOn(inputs.mode).includes(view.status);
  step.annotate(mayGoOn ? (view.status === 'PASSED' ? 'notice' : 'warning') : 'error', `Haldane: ${view.status}`, view.progress);
  return mayGoOn;
}

async function publish(step: Step, door: Door, { junit }: Inputs, { run }: StageView): Promise<void> {
  step.summary(await door.ask((client) => client.report(run, 'markdown')));
  if (junit === null) return;
  await mkdir(dirname(junit), { recursive: true });
  await writeFile(junit, await door.ask((client) => client.report(run, 'junit')));
}

/** A Haldane that is away for a while is no verdict. Safe to repeat: the same ref is the same run. */
async function askPatiently<T>(work: () => Promise<T>, step: Step, clock: Clock): Promise<T> {
  const until = clock.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'unavailable') || clock.now() > until) throw error;
      step.say(`${(error as HaldaneError).message}; asking again`);
      await clock.sleep(pollMs);
    }
  }
}
