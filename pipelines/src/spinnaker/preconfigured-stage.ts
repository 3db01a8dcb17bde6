import { stageStatuses } from '@haldane/client';
import { goesOn, type StageMode } from '../stage-mode.ts';

/** A preconfigured webhook stage as `webhook.preconfigured` of Orca's settings has it. */
export type PreconfiguredStage = {
  readonly label: string;
  readonly type: string;
  readonly enabled: true;
  readonly description: string;
  readonly method: 'POST';
  readonly url: string;
  readonly customHeaders: { readonly Authorization: readonly string[] };
  readonly payload: string;
  readonly waitForCompletion: true;
  readonly statusUrlResolution: 'getMethod';
  readonly statusJsonPath: string;
  readonly progressJsonPath: string;
  readonly successStatuses: string;
  readonly terminalStatuses: string;
  readonly canceledStatuses: string;
  readonly cancelEndpoint: string;
  readonly cancelMethod: 'POST';
  readonly cancelPayload: string;
  readonly parameters: readonly {
    readonly label: string;
    readonly name: string;
    readonly description: string;
    readonly defaultValue: string;
    readonly type: 'string';
  }[];
};

/** Orca asks at least every 15 s; what it has not asked after for so long it has lost. */
const unattendedSeconds = 900;

type Parameter = PreconfiguredStage['parameters'][number];

const parameter = (label: string, name: string, description: string, defaultValue = ''): Parameter => ({
  label,
  name,
  description,
  defaultValue,
  type: 'string',
});
const nameParameter = parameter('Name', 'name', 'tells stages of one pipeline apart: letters, digits and dashes', 'canary');

/** The stages for Orca: one that runs one experiment, and one that chooses what the deploy needs. `server` is where Orca reaches Haldane. */
export function preconfiguredStages(server: string, mode: StageMode): readonly [PreconfiguredStage, PreconfiguredStage] {
  const one = parameter('Experiment', 'experiment', "its file on the disk of Haldane's runners");
  return [
    preconfigured(server, mode, {
      label: 'Haldane',
      kind: 'haldane',
      description: 'A security chaos experiment, run as a canary',
      asks: { file: one },
    }),
    preconfigured(server, mode, {
      label: 'Haldane, as needed',
      kind: 'haldaneChoice',
      description: 'Those of several security chaos experiments that this deploy needs, one after the other',
      asks: {
        experiments: parameter('Experiments', 'experiments', "their files on the disk of Haldane's runners, with commas between"),
        maxMinutes: parameter(
          'Minutes',
          'maxMinutes',
          'what the runs may take together; the others wait until after the deploy. Empty: all',
        ),
        checkout: parameter('Clone', 'checkout', "a clone of the service's repository on that disk; empty: what has no answer yet is run"),
        path: parameter('Paths', 'path', 'what of it the service is made of, with commas between. Empty: all of it'),
      },
    }),
  ];
}

type About = {
  readonly label: string;
  readonly kind: string;
  readonly description: string;
  /** What the body of the create says, and the parameter that it is. */
  readonly asks: Readonly<Record<string, Parameter>>;
};

/**
 * A stage for Orca. Everything that it calls is computed from the execution and the stage's name, so that a second create is the first
 * one's run, and that a cancel finds it without an answer of ours.
 */
function preconfigured(server: string, mode: StageMode, { label, kind, description, asks }: About): PreconfiguredStage {
  const base = server.replace(/\/+$/, '');
  const ref = `${base}/v1/runs/by-ref/spinnaker:${spel('execution.id')}:${spel("parameterValues['name']")}`;
  const success: readonly string[] = goesOn(mode);
  const terminal = stageStatuses.filter((status) => !['RUNNING', 'ABORTED', ...success].includes(status));
  const said = Object.entries(asks).map(([field, { name }]) => [field, spel(`parameterValues['${name}']`)] as const);
  return {
    label,
    type: mode === 'block' ? `${kind}Gate` : kind,
    enabled: true,
    description,
    method: 'POST',
    url: `${ref}/stage`,
    customHeaders: { Authorization: ['Bearer REPLACE-WITH-A-TOKEN'] },
    payload: JSON.stringify({ ...Object.fromEntries(said), unattended: unattendedSeconds }),
    waitForCompletion: true,
    statusUrlResolution: 'getMethod',
    statusJsonPath: '$.status',
    progressJsonPath: '$.progress',
    successStatuses: success.join(','),
    terminalStatuses: terminal.join(','),
    canceledStatuses: 'ABORTED',
    cancelEndpoint: `${ref}/stage/abort`,
    cancelMethod: 'POST',
    cancelPayload: JSON.stringify({ why: `Spinnaker ended the stage (execution ${spel('execution.id')})` }),
    parameters: [...Object.values(asks), nameParameter],
  };
}

/** What Orca puts in when the stage runs. */
function spel(expression: string): string {
  return `\${${expression}}`;
}
