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

type SpinnakerOptions = { readonly mode: StageMode; readonly stage?: string; readonly name: string; readonly minutes: string };

/** Adds what writes Haldane's part of a pipeline. Asks nobody and changes nothing. */
export function addPipelineCommands(haldane: Command, { out, say, server, exit }: PipelineContext): void {
  haldane
    .command('pipeline')
    .description("write Haldane's part of a pipeline")
    .command('spinnaker')
    .description('print the stage for Orca (webhook.preconfigured, JSON that is YAML), or with --stage the one for a pipeline')
    .addOption(
      new Option('--mode <mode>', 'what a verdict does: only be seen, or end the pipeline unless the service was resilient')
        .choices(['report', 'block'])
        .default('report'),
    )
    .option('--stage <experiment>', "the experiment's file on the disk of Haldane's runners")
    .option('--name <name>', 'tells stages of one pipeline apart', 'canary')
    .option('--minutes <n>', 'the longest that the stage may take, with putting back', '60')
    .action(async ({ mode, stage, name, minutes }: SpinnakerOptions) => {
      const { pipelineStage, preconfiguredStage, refusedByOrca } = await import('@haldane/pipelines');
      if (!/^[A-Za-z0-9-]{1,60}$/.test(name))
        throw new HaldaneError('bad-request', `--name: "${name}" stands in an address; write letters, digits and dashes, at most 60`);
      if (stage !== undefined) {
        out.write(`${JSON.stringify(pipelineStage(stage, name, parseWhole('--minutes', minutes, 1, 10_080), mode), null, 2)}\n`);
        return exit(0);
      }
      const address = server();
      if (address === null || !URL.canParse(address))
        throw new HaldaneError('bad-request', '--server: say where Orca reaches Haldane, like https://haldane.example.com');
      const refused = refusedByOrca(address);
      if (refused !== null) say(refused);
      out.write(`${JSON.stringify({ webhook: { preconfigured: [preconfiguredStage(address, mode)] } }, null, 2)}\n`);
      exit(0);
    });
}
