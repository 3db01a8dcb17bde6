import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { HaldaneClient } from '@haldane/client';
import { HaldaneError } from '@haldane/core';
import { type Config, startStack } from '@haldane/standalone';
import type { Command } from 'commander';
import { running } from '../connect.ts';
import { exitCodes } from '../exit-code.ts';
import { follow, type Interrupts } from '../follow.ts';
import { plainProgress } from '../progress.ts';
import { readSpec } from '../read-spec.ts';
import { remote } from '../remote.ts';
import type { BisectFound } from './bisect.ts';

export type BisectContext = {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  readonly config: () => Config;
  readonly server: () => string | null;
  readonly interrupts: Interrupts;
  readonly exit: (code: number) => void;
};

type Options = {
  readonly good: string;
  readonly bad: string;
  readonly repository: string;
  readonly prepare?: string;
  readonly migrations: readonly string[];
  readonly json?: true;
};

/** Adds the command that looks for the revision which brought a flaw in. */
export function addBisectCommand(haldane: Command, context: BisectContext): void {
  haldane
    .command('bisect')
    .description(
      'run an experiment over old revisions, started here beside everything else, until it is known which brought the flaw in; exits 0 when it is named, 3 when only a range is known',
    )
    .argument('<file>', 'the experiment; its service is started on this machine')
    .requiredOption('--good <revision>', 'where it was resilient')
    .requiredOption('--bad <revision>', 'where it is vulnerable')
    .option('--repository <folder>', "the service's git repository, checked out", '.')
    .option('--prepare <command>', 'what makes a revision ready to start, in its folder, like "npm ci"')
    .option(
      '--migrations <path>',
      'nothing is run across a change of it; may be given again',
      (one, all: readonly string[]) => [...all, one],
      [],
    )
    .option('--json', 'as JSON')
    .action((file: string, options: Options) => run(resolve(file), options, context));
}

async function run(file: string, options: Options, { out, err, say, config, server, interrupts, exit }: BisectContext): Promise<void> {
  const { env, dataDir } = config();
  const asked = new AbortController();
  const stop = () => asked.abort(new HaldaneError('refused', 'stopped by a person; nothing is named'));
  interrupts.on('SIGINT', stop);
  interrupts.on('SIGTERM', stop);
  const { signal } = asked;
  const { good, bad, migrations, prepare = null } = options;
  const [{ bisect }, { groundOf }] = await Promise.all([import('./bisect.ts'), import('./ground.ts')]);
  const spec = await readSpec(file, env);
  const ground = await groundOf({ spec, folder: resolve(options.repository), good, bad, migrations, env }, signal);
  // A Haldane of its own: what is live, and who is locked or halted there, is no concern of revisions that nobody uses.
  const place = join(dataDir, 'bisect');
  const experiment = await readFile(file, 'utf8');
  const stack = await startStack({ dataDir: place, databaseUrl: null, port: 0, env, ephemeral: true });
  const found = await bisect({
    client: new HaldaneClient(stack.access),
    ground,
    experiment,
    prepare,
    env,
    dataDir: join(place, 'revisions'),
    watch: async (begun) => {
      const ended = await follow(new HaldaneClient(stack.access), begun, plainProgress(err), interrupts, say);
      signal.throwIfAborted();
      return ended;
    },
    stop: () => stack.stop(),
    say,
    signal,
  });
  const why = await wordsOf(found, ground.repository.subject.bind(ground.repository), signal);
  out.write(options.json ? `${JSON.stringify({ experiment: spec.name, ...found, why }, null, 2)}\n` : `${spec.name}: ${why}\n`);
  // Whoever waits has the answer, also when it cannot be written down.
  await tell({ ...found, why }, spec.name, [ground.line[0] ?? '', await ground.repository.nameOf(bad, signal)]);
  exit(found.first === null ? exitCodes.inconclusive : 0);

  /** For the gate to say, where there is one. */
  async function tell(what: BisectFound, experiment: string, [from, to]: readonly [string, string]): Promise<void> {
    const address = server();
    const client = await (address === null ? running(config()) : remote(address, env));
    if (client === null) return say('no Haldane is up to write this down for its gate');
    const first = what.first === null ? {} : { first: what.first };
    await client.cameIn(what, { experiment, good: from, bad: to, ...first, why: what.why.slice(0, 2_000) });
  }
}

async function wordsOf(
  { first, after, until, why, runs }: BisectFound,
  subject: (commit: string, signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  const count = `${runs.length} runs`;
  if (first !== null) return `the flaw came in with ${first} (${await subject(first, signal)}), as a bisect of ${count} found`;
  return `the flaw came in after ${after}, and with ${until} at the latest; a bisect of ${count} cannot say more: ${why}`;
}
