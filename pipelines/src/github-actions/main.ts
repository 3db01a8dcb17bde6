import { join, parse } from 'node:path';
import type { StageView } from '@haldane/client';
import { HaldaneError, hasCode, messageOf, systemClock } from '@haldane/core';
import { chooseAmong } from '../choose-among.ts';
import { goesOn } from '../stage-mode.ts';
import { askGate } from './ask-gate.ts';
import { askPatiently } from './ask-patiently.ts';
import { Door } from './door.ts';
import { readInputs } from './inputs.ts';
import { runChosen } from './run-chosen.ts';
import { runStage, type WantedStage } from './run-stage.ts';
import { Step } from './step.ts';

/* The program of the action: its step, and again as its post step, which the job's runner starts whatever became of the first. */

/** The runner sends SIGINT, SIGTERM 7.5 s later, and kills after 2.5 s more. */
const abortWithinMs = 5_000;
/** What reading the checkout may take. */
const readWithinMs = 120_000;
const env = process.env;
const step = new Step(env, (line) => process.stdout.write(`${line}\n`));

/** The run's key: computed, so that the post step finds the run whatever its first step still heard. An attempt is another run. */
function refOf(name: string): string {
  const ids = ['GITHUB_REPOSITORY_ID', 'GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT', 'GITHUB_JOB'].map((one) => env[one] ?? '');
  return ['github', ...ids, name].join(':');
}

async function abort(door: Door, ref: string, why: string): Promise<void> {
  try {
    const { run } = await door.ask((client) => client.abortStage(ref, why));
    step.say(run === null ? 'no run has begun; one that begins late ends at once' : `run ${run} is told to stop; everything is put back`);
  } catch (error) {
    step.annotate('warning', 'Haldane', `the abort was not heard: ${messageOf(error)}; the run ends by itself when nobody asks after it`);
  }
}

async function main(): Promise<boolean> {
  const inputs = readInputs(step);
  const door = new Door(inputs, env, step);
  const { experiment, among, question, junit } = inputs;
  let current: string | null = null;
  let cancelled = false;
  const cancel = () => {
    step.say('cancelled');
    cancelled = true;
    const aborted = current === null ? Promise.resolve() : abort(door, current, 'the job was cancelled');
    void Promise.race([aborted, systemClock.sleep(abortWithinMs)]).then(() => process.exit(1));
  };
  if (experiment !== null || among !== null) {
    process.once('SIGINT', cancel);
    process.once('SIGTERM', cancel);
  }
  const run = async (wanted: WantedStage): Promise<StageView> => {
    if (cancelled) throw new HaldaneError('refused', 'the job was cancelled before this run began');
    // Before the run begins: the post step must find it however this one ends.
    current = wanted.ref;
    step.keep('ref', wanted.ref);
    return runStage(step, door, inputs, wanted, systemClock);
  };
  if (experiment !== null) {
    const { status } = await run({ file: experiment, ref: refOf(inputs.name), junit });
    if (!goesOn(inputs.mode).includes(status)) return false;
  }
  if (among !== null) {
    const revision = among.revision ?? env['GITHUB_SHA'] ?? 'HEAD';
    const wishes = { ...among, revision, folder: env['GITHUB_WORKSPACE'] ?? process.cwd() };
    const choose = () => door.ask((client) => chooseAmong(client, wishes, AbortSignal.timeout(readWithinMs)));
    const chosen = await askPatiently(choose, step, systemClock);
    const each = (file: string, name: string) =>
      run({ file, ref: `${refOf(inputs.name)}:${name}`, junit: junit === null ? null : junitOf(junit, name) });
    if (!(await runChosen(step, inputs, chosen, each))) return false;
  }
  return question === null || (await askGate(step, door, question));
}

/** `out/haldane.xml` is `out/haldane-keys.xml` for the experiment `keys`. */
function junitOf(path: string, experiment: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}-${experiment.replace(/[^A-Za-z0-9._-]/g, '-')}${ext}`);
}

async function post(ref: string): Promise<boolean> {
  if (step.kept('ended') !== ref) await abort(new Door(readInputs(step), env, step), ref, 'the step ended before its run');
  return true;
}

const kept = step.kept('ref');
const isPost = step.kept('main') === 'yes';
step.keep('main', 'yes');
try {
  process.exitCode = (await (isPost ? kept === '' || post(kept) : main())) ? 0 : 1;
} catch (error) {
  step.annotate('error', hasCode(error, 'bad-request') ? 'Haldane: an input' : 'Haldane', messageOf(error));
  process.exitCode = 1;
}
