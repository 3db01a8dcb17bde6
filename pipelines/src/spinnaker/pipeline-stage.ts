import type { StageMode } from '../stage-mode.ts';

/** The stage as a pipeline's JSON has it. */
export type PipelineStage = {
  readonly name: string;
  readonly type: string;
  readonly parameterValues: { readonly experiment: string; readonly name: string };
  readonly stageTimeoutMs: number;
  readonly overrideTimeout: true;
};

/** The stage of one pipeline. Orca ends a stage after an hour unless it says how long it may take, and then also what must be put back. */
export function pipelineStage(experiment: string, name: string, minutes: number, mode: StageMode): PipelineStage {
  return {
    name: `Haldane: ${name}`,
    type: mode === 'block' ? 'haldaneGate' : 'haldane',
    parameterValues: { experiment, name },
    stageTimeoutMs: minutes * 60_000,
    overrideTimeout: true,
  };
}
