import { resolve } from 'node:path';
import { definitionOf } from '@haldane/client';
import { HaldaneError } from '@haldane/core';
import type { Command } from 'commander';
import { choiceText } from './choice-text.ts';
import type { Connection } from './connect.ts';
import { parseWhole } from './option-values.ts';
import { readSpec } from './read-spec.ts';

export type ChoiceContext = {
  readonly out: NodeJS.WritableStream;
  /** What experiment files may name as `${NAME}`. */
  readonly env: () => Readonly<Record<string, string>>;
  readonly withClient: (work: (connection: Connection) => Promise<number>) => Promise<void>;
};

type ChooseOptions = {
  readonly environment: string;
  readonly repository: string;
  readonly path: readonly string[];
  readonly revision: string;
  readonly maxMinutes?: string;
  readonly json?: true;
  readonly files?: true;
};

const readWithinMs = 120_000;
const collect = (one: string, before: readonly string[]) => [...before, one];

/** Adds what tells, from a service's git repository, which experiments a deploy needs. */
export function addChoiceCommands(haldane: Command, { out, env, withClient }: ChoiceContext): void {
  haldane
    .command('choose')
    .description('say which experiments a deploy needs, from what changed in git since each had its last answer; the gate goes by it')
    .argument('<service>')
    .argument('[files...]', 'choose among these experiments (default: all that were run on the service)')
    .option('--environment <name>', 'where', 'production')
    .option('--repository <folder>', "the service's git repository, checked out", '.')
    .option('--path <path>', 'what of the repository the service is made of; may be given again (default: all of it)', collect, [])
    .option('--revision <revision>', 'what is to go live: a commit or a tag', 'HEAD')
    .option('--max-minutes <n>', 'what runs before the deploy may take together; what does not fit waits until after it')
    .option('--json', 'as JSON')
    .option('--files', 'print only the files of those to run now, a line each')
    .action((service: string, files: string[], options: ChooseOptions) =>
      withClient(async ({ client }) => {
        if (options.files && files.length === 0)
          throw new HaldaneError('bad-request', '--files: name the experiment files to choose among, like experiments/*.yaml');
        const specs = await Promise.all(files.map((file) => readSpec(resolve(file), env())));
        const { environment, revision, path: paths, maxMinutes } = options;
        const { chooseFor } = await import('@haldane/pipelines');
        const wishes = {
          service,
          environment,
          folder: resolve(options.repository),
          paths,
          revision,
          maxMinutes: maxMinutes === undefined ? null : parseWhole('--max-minutes', maxMinutes, 0, 10_080),
          experiments: specs.map(definitionOf),
        };
        const choice = await chooseFor(client, wishes, AbortSignal.timeout(readWithinMs));
        const fileOf = (experiment: string) => files[specs.findIndex(({ name }) => name === experiment)];
        if (options.files) out.write(choice.run.map(({ experiment }) => `${fileOf(experiment)}\n`).join(''));
        else out.write(options.json ? `${JSON.stringify(choice, null, 2)}\n` : choiceText(choice));
        return 0;
      }),
    );
}
