import { serverOf } from '@haldane/client';
import { HaldaneError } from '@haldane/core';
import type { StageMode } from '../stage-mode.ts';
import type { Step } from './step.ts';

/** What the gate is asked. */
export type Question = {
  readonly service: string;
  readonly environment: string;
  readonly revision: string;
  readonly live: string | null;
  readonly ifUnreachable: 'allow' | 'block';
};

/** What a change needs is chosen among these. */
export type Among = {
  /** On the disk of Haldane's runners. */
  readonly files: readonly string[];
  /** What is to go live; null: the commit that the workflow runs for. */
  readonly revision: string | null;
  /** What the runs may take together. */
  readonly maxMinutes: number | null;
  /** What of the repository the service is made of; all of it when there is none. */
  readonly paths: readonly string[];
};

/** What the step is to do: run an experiment or those that the change needs, ask the gate, or the one and then the other. */
export type Inputs = {
  readonly server: string;
  /** Null: the job logs in by what GitHub signs for it. */
  readonly token: string | null;
  readonly audience: string;
  /** The experiment's file on the disk of Haldane's runners. */
  readonly experiment: string | null;
  readonly among: Among | null;
  readonly name: string;
  readonly mode: StageMode;
  readonly junit: string | null;
  readonly question: Question | null;
};

/** Reads the action's inputs. Throws `bad-request`, naming the input: a runner refuses none, not even one that is required. */
export function readInputs(step: Step): Inputs {
  const given = (name: string) => step.input(name) || null;
  const oneOf = <T extends string>(name: string, words: readonly [T, ...T[]]): T => {
    const written = step.input(name);
    const word = written === '' ? words[0] : words.find((one) => one === written);
    if (word === undefined) throw new HaldaneError('bad-request', `${name}: "${written}" is none; write ${words.join(' or ')}`);
    return word;
  };
  const [experiment, service, revision] = [given('experiment'), given('service'), given('revision')];
  const among = readAmong(step);
  if (experiment === null && among === null && service === null)
    throw new HaldaneError(
      'bad-request',
      'experiment: name an experiment to run, experiments to choose among, or a service and a revision to ask the gate of',
    );
  if (experiment !== null && among !== null)
    throw new HaldaneError('bad-request', 'experiments: leave it or experiment out; one is run as it is, the others are chosen among');
  if (service === null ? revision !== null && among === null : revision === null)
    throw new HaldaneError(
      'bad-request',
      `${service === null ? 'service' : 'revision'}: the gate is asked of a service and a revision; give both`,
    );
  const name = step.input('name') || 'canary';
  if (!/^[A-Za-z0-9-]{1,60}$/.test(name))
    throw new HaldaneError('bad-request', `name: "${name}" stands in an address; write letters, digits and dashes, at most 60`);
  const server = serverOf(step.input('server'), 'server');
  return {
    server,
    token: given('token'),
    audience: given('audience') ?? server,
    experiment,
    among,
    name,
    mode: oneOf('mode', ['report', 'block']),
    junit: given('junit'),
    question:
      service === null || revision === null
        ? null
        : {
            service,
            environment: given('environment') ?? 'production',
            revision,
            live: given('live'),
            ifUnreachable: oneOf('if-unreachable', ['allow', 'block']),
          },
  };
}

/** What to choose among, and how; null when nothing is to be chosen. */
function readAmong(step: Step): Among | null {
  const files = lines(step.input('experiments'));
  const minutes = step.input('max-minutes');
  const paths = lines(step.input('path'));
  if (files.length === 0) {
    const idle = [...(minutes === '' ? [] : ['max-minutes']), ...(paths.length === 0 ? [] : ['path'])][0];
    if (idle !== undefined) throw new HaldaneError('bad-request', `${idle}: it is for choosing; name experiments to choose among`);
    return null;
  }
  if (minutes !== '' && !(/^\d+$/.test(minutes) && Number(minutes) <= 10_080))
    throw new HaldaneError('bad-request', `max-minutes: "${minutes}" is no whole number from 0 to 10080`);
  return { files, revision: step.input('revision') || null, maxMinutes: minutes === '' ? null : Number(minutes), paths };
}

function lines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
