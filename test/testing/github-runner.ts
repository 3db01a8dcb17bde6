import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asItself } from './haldane.ts';

const bundle = fileURLToPath(new URL('../../pipelines/github-actions/bundle/main.mjs', import.meta.url));

/** A step that has ended: how, what it said, and what it wrote into the files that its runner named. */
export type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly log: string;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  readonly summary: string;
};

export type StepRun = {
  /** Where it works. */
  readonly folder: string;
  readonly ended: Promise<Ended>;
  /** Resolves once it has said this; rejects when it ends without. */
  said(words: RegExp): Promise<void>;
  /** Cancels the job as GitHub's runner does: SIGINT, SIGTERM 7.5 s later, and 2.5 s after that it is killed. */
  cancel(): void;
  /** The runner is lost, and the step with it. */
  lose(): void;
};

/**
 * A step of a job, by the rules of GitHub's runner: inputs and state in the environment, outputs, state and summary in files, cancel by signals.
 * `state` is what the main step kept; with it this is the post step.
 */
export async function githubStep(
  folder: string,
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
  state: Readonly<Record<string, string>> = {},
): Promise<StepRun> {
  const own = await mkdtemp(join(folder, 'step-'));
  const files = { GITHUB_OUTPUT: join(own, 'output'), GITHUB_STATE: join(own, 'state'), GITHUB_STEP_SUMMARY: join(own, 'summary') };
  await Promise.all(Object.values(files).map((path) => writeFile(path, '')));
  const prefixed = (prefix: string, values: Readonly<Record<string, string>>, name = (one: string) => one) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}_${name(key)}`, value]));
  // Through env(1), for a shell drops variables whose names hold a dash, as those of inputs do.
  const variables = { ...prefixed('INPUT', inputs, (one) => one.toUpperCase()), ...prefixed('STATE', state), ...files, ...env };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const child = spawn('/bin/sh', [...asItself, 'env', ...assignments, process.execPath, bundle], {
    cwd: own,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      for (const look of listeners) look();
    });
  const timers: NodeJS.Timeout[] = [];
  const ended = once(child, 'close').then(async ([code, signal]): Promise<Ended> => {
    for (const timer of timers) clearTimeout(timer);
    const [outputs, kept, summary] = await Promise.all(Object.values(files).map((path) => readFile(path, 'utf8')));
    return { code, signal, log, outputs: assigned(outputs ?? ''), state: assigned(kept ?? ''), summary: summary ?? '' };
  });
  return {
    folder: own,
    ended,
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = () => words.test(log) && resolve();
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying ${words}:\n${log}`)));
      }),
    cancel() {
      child.kill('SIGINT');
      timers.push(
        setTimeout(() => child.kill('SIGTERM'), 7_500),
        setTimeout(() => child.kill('SIGKILL'), 10_000),
      );
    },
    lose: () => void child.kill('SIGKILL'),
  };
}

/** What a file of the runner's says: `name<<end`, the value, `end`. */
function assigned(text: string): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const found = /^([\w-]+)<<(.+)\n([\s\S]*?)\n\2\n/.exec(rest);
    if (found === null) throw new Error(`the runner cannot read this: ${rest}`);
    values[found[1] as string] = found[3] as string;
    rest = rest.slice(found[0].length);
  }
  return values;
}
