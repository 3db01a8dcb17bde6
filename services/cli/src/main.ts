import { hasCode, messageOf } from '@haldane/core';
import { readConfig } from '@haldane/standalone';
import { exitCodeOfError } from './exit-code.ts';
import { Interruption } from './interruption.ts';
import { program } from './program.ts';

const terminal = {
  out: process.stdout,
  err: process.stderr,
  interrupts: new Interruption(process),
  config: (dataDir: string | undefined) => readConfig(process.env, dataDir),
};
try {
  await program(terminal, (code) => {
    process.exitCode = code;
  }).parseAsync(process.argv);
} catch (error) {
  // commander has said already what was wrong with the words of the command.
  const usage = (error as { code?: string }).code?.startsWith('commander.') === true;
  if (!usage) process.stderr.write(`haldane: ${messageOf(error)}\n`);
  process.exitCode = usage ? ((error as { exitCode?: number }).exitCode === 0 ? 0 : 2) : exitCodeOfError(error);
  if (hasCode(error, 'internal') && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}
