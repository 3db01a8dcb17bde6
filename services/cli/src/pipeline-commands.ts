import { HaldaneError } from '@haldane/core';
import type { StageMode } from '@haldane/pipelines';
import { type Command, Option } from 'commander';
import { parseWhole } from './option-values.ts';

export type PipelineContext = {
  readonly out: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  /** The address given with --server, or null. */
  readonly server: () => string | null;
  readonly exit: (code: number) => void;
};

type SpinnakerOptions = {
  readonly mode: StageMode;
  readonly stage?: readonly [string, ...string[]];
  readonly maxMinutes?: string;
  readonly checkout?: string;
  readonly path: readonly string[];
  readonly name: string;
  readonly minutes: string;
};

const collect = (one: string, before: readonly string[]) => [...before, one];

/** Adds what writes Haldane's part of a pipeline. Asks nobody and changes nothing. */
export function addPipelineCommands(haldane: Command, { out, say, server, exit }: PipelineContext): void {
  haldane
    .command('pipeline')
    .description("write Haldane's part of a pipeline")
    .command('spinnaker')
    .description('print the stages for Orca (webhook.preconfigured, JSON that is YAML), or with --stage one for a pipeline')
    .addOption(
      new Option('--mode <mode>', 'what a verdict does: only be seen, or end the pipeline unless the service was resilient')
        .choices(['report', 'block'])
        .default('report'),
    )
    .option(
      '--stage <experiment...>',
      "the experiment's file on the disk of Haldane's runners; of several those are run that a deploy needs",
    )
    .option('--max-minutes <n>', 'what the runs may take together; what does not fit waits until after the deploy')
    .option('--checkout <folder>', "a clone of the service's repository on the disk of Haldane, to read from what changed")
    .option('--path <path>', 'what of it the service is made of; may be given again (default: all of it)', collect, [])
    .option('--name <name>', 'tells stages of one pipeline apart', 'canary')
    .option('--minutes <n>', 'the longest that the stage may take, with putting back', '60')
    .action(async ({ mode, stage, maxMinutes, checkout, path, name, minutes }: SpinnakerOptions) => {
      const { pipelineStage, preconfiguredStages, refusedByOrca } = await import('@haldane/pipelines');
      if (!/^[A-Za-z0-9-]{1,60}$/.test(name))
        throw new HaldaneError('bad-request', `--name: "${name}" stands in an address; write letters, digits and dashes, at most 60`);
      if (stage !== undefined) {
        const wishes = {
          experiments: stage,
          choose: choiceOf(stage, { maxMinutes, checkout, path }),
          name,
          minutes: parseWhole('--minutes', minutes, 1, 10_080),
          mode,
        };
        out.write(`${JSON.stringify(pipelineStage(wishes), null, 2)}\n`);
        return exit(0);
      }
      const address = server();
      if (address === null || !URL.canParse(address))
        throw new HaldaneError('bad-request', '--server: say where Orca reaches Haldane, like https://haldane.example.com');
      const refused = refusedByOrca(address);
      if (refused !== null) say(refused);
      out.write(`${JSON.stringify({ webhook: { preconfigured: preconfiguredStages(address, mode) } }, null, 2)}\n`);
      exit(0);
    });
}

/** How to choose among the files; null when there is one and nothing is said of choosing. */
function choiceOf(
  stage: readonly string[],
  { maxMinutes, checkout, path }: Pick<SpinnakerOptions, 'path'> & { readonly [K in 'maxMinutes' | 'checkout']: string | undefined },
) {
  if (stage.length === 1 && maxMinutes === undefined && checkout === undefined && path.length === 0) return null;
  const comma = [...stage, ...path].find((one) => one.includes(','));
  if (comma !== undefined) throw new HaldaneError('bad-request', `--stage: "${comma}" has a comma, which parts one from the next`);
  return {
    maxMinutes: maxMinutes === undefined ? null : parseWhole('--max-minutes', maxMinutes, 0, 10_080),
    checkout: checkout ?? null,
    paths: path,
  };
}
