import type { StageMode } from '../stage-mode.ts';

/** The stage as a pipeline's JSON has it. */
export type PipelineStage = {
  readonly name: string;
  readonly type: string;
  readonly parameterValues: Readonly<Record<string, string>>;
  readonly stageTimeoutMs: number;
  readonly overrideTimeout: true;
};

export type StageWishes = {
  /** Files on the disk of Haldane's runners. */
  readonly experiments: readonly [string, ...string[]];
  /** How to choose among them; null: there is one, and it is run. */
  readonly choose: { readonly maxMinutes: number | null; readonly checkout: string | null; readonly paths: readonly string[] } | null;
  readonly name: string;
  /** Orca ends a stage after an hour unless it says how long it may take, and then also what must be put back. */
  readonly minutes: number;
  readonly mode: StageMode;
};

/** The stage of one pipeline. Every parameter is there: Orca leaves the name of one that is not in its place. */
export function pipelineStage({ experiments, choose, name, minutes, mode }: StageWishes): PipelineStage {
  const [experiment] = experiments;
  const kind = choose === null ? 'haldane' : 'haldaneChoice';
  return {
    name: `Haldane: ${name}`,
    type: mode === 'block' ? `${kind}Gate` : kind,
    parameterValues:
      choose === null
        ? { experiment, name }
        : {
            experiments: experiments.join(','),
            maxMinutes: choose.maxMinutes === null ? '' : String(choose.maxMinutes),
            checkout: choose.checkout ?? '',
            path: choose.paths.join(','),
            name,
          },
    stageTimeoutMs: minutes * 60_000,
    overrideTimeout: true,
  };
}
