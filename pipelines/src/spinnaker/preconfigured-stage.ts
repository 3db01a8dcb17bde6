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

/**
 * Haldane's stage for Orca. Everything that it calls is computed from the execution and the stage's name, so that a second create is the first
 * one's run, and that a cancel finds it without an answer of ours. `server` is where Orca reaches Haldane.
 */
export function preconfiguredStage(server: string, mode: StageMode): PreconfiguredStage {
  const base = server.replace(/\/+$/, '');
  const ref = `${base}/v1/runs/by-ref/spinnaker:${spel('execution.id')}:${spel("parameterValues['name']")}`;
  const success: readonly string[] = goesOn(mode);
  const terminal = stageStatuses.filter((status) => !['RUNNING', 'ABORTED', ...success].includes(status));
  return {
    label: 'Haldane',
    type: mode === 'block' ? 'haldaneGate' : 'haldane',
    enabled: true,
    description: 'A security chaos experiment, run as a canary',
    method: 'POST',
    url: `${ref}/stage`,
    customHeaders: { Authorization: ['Bearer REPLACE-WITH-A-TOKEN'] },
    payload: JSON.stringify({ file: spel("parameterValues['experiment']"), unattended: unattendedSeconds }),
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
    parameters: [
      {
        label: 'Experiment',
        name: 'experiment',
        description: "its file on the disk of Haldane's runners",
        defaultValue: '',
        type: 'string',
      },
      {
        label: 'Name',
        name: 'name',
        description: 'tells stages of one pipeline apart: letters, digits and dashes',
        defaultValue: 'canary',
        type: 'string',
      },
    ],
  };
}

/** What Orca puts in when the stage runs. */
function spel(expression: string): string {
  return `\${${expression}}`;
}
