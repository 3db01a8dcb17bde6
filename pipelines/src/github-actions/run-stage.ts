import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StageView } from '@haldane/client';
import { type Clock, messageOf } from '@haldane/core';
import { goesOn } from '../stage-mode.ts';
import { askPatiently } from './ask-patiently.ts';
import type { Door } from './door.ts';
import type { Inputs } from './inputs.ts';
import type { Step } from './step.ts';

const pollMs = 2_000;
/** A run that this step has not asked after for so long is stopped: its runner is lost. */
const unattendedSeconds = 120;

/** One run of the step: the experiment's file, the run's key, and where its report as JUnit goes. */
export type WantedStage = { readonly file: string; readonly ref: string; readonly junit: string | null };

/** Begins the experiment as a stage, shows how it goes, and says how it ended. */
export async function runStage(
  step: Step,
  door: Door,
  { server, mode }: Pick<Inputs, 'server' | 'mode'>,
  { file, ref, junit }: WantedStage,
  clock: Clock,
): Promise<StageView> {
  const patiently = <T>(work: () => Promise<T>) => askPatiently(work, step, clock);
  let view = await patiently(() => door.ask((client) => client.beginStage(ref, { file, unattended: unattendedSeconds })));
  const report = reportOf(server, view.run);
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
  step.keep('ended', ref);
  step.output('status', view.status);
  step.output('verdict', view.verdict ?? '');
  try {
    await publish(step, door, junit, view);
  } catch (error) {
    // What the run showed stands, though nobody can read here how.
    step.annotate('warning', 'Haldane', `the report cannot be had here: ${messageOf(error)}; it is at ${report}`);
  }
  const level = goesOn(mode).includes(view.status) ? (view.status === 'PASSED' ? 'notice' : 'warning') : 'error';
  step.annotate(level, `Haldane: ${view.status}`, view.progress);
  return view;
}

/** Where a run's report is to be read. */
export function reportOf(server: string, run: string): string {
  return `${server}/v1/runs/${run}/report?format=html`;
}

async function publish(step: Step, door: Door, junit: string | null, { run }: StageView): Promise<void> {
  step.summary(await door.ask((client) => client.report(run, 'markdown')));
  if (junit === null) return;
  await mkdir(dirname(junit), { recursive: true });
  await writeFile(junit, await door.ask((client) => client.report(run, 'junit')));
}
