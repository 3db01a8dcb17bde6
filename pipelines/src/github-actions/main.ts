import { hasCode, messageOf, systemClock } from '@haldane/core';
import { askGate } from './ask-gate.ts';
import { Door } from './door.ts';
import { readInputs } from './inputs.ts';
import { runStage } from './run-stage.ts';
import { Step } from './step.ts';

/* The program of the action: its step, and again as its post step, which the job's runner starts whatever became of the first. */

/** The runner sends SIGINT, SIGTERM 7.5 s later, and kills after 2.5 s more. */
const abortWithinMs = 5_000;
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
  const { experiment, question } = inputs;
  const ref = refOf(inputs.name);
  if (experiment !== null) {
    // Before the run begins: the post step must find it however this one ends.
    step.keep('ref', ref);
    const cancelled = () => {
      step.say('cancelled');
      void Promise.race([abort(door, ref, 'the job was cancelled'), systemClock.sleep(abortWithinMs)]).then(() => process.exit(1));
    };
    process.once('SIGINT', cancelled);
    process.once('SIGTERM', cancelled);
    if (!(await runStage(step, door, { ...inputs, experiment }, ref, systemClock))) return false;
  }
  return question === null || (await askGate(step, door, question));
}

async function post(ref: string): Promise<boolean> {
  if (step.kept('ended') === '') await abort(new Door(readInputs(step), env, step), ref, 'the step ended before its run');
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
