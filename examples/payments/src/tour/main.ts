import { parseArgs } from 'node:util';
import { readConfig } from '@haldane/standalone';
import { printer } from './printer.ts';
import { tour } from './tour.ts';

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false }, data: { type: 'string' } } });
const stopped = new AbortController();
let interrupts = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    interrupts += 1;
    if (interrupts === 1) process.stderr.write('\nstopping: everything is being put back\n');
    else process.stderr.write('still putting everything back; this cannot be cut short\n');
    stopped.abort(new Error('stopped by a person'));
  });
try {
  const asExpected = await tour({
    config: readConfig(process.env, values.data),
    once: values.once,
    print: printer(process.stdout),
    signal: stopped.signal,
  });
  process.exitCode = asExpected ? 0 : 1;
} catch (error) {
  if (stopped.signal.aborted) process.exitCode = 3;
  else {
    process.stderr.write(`\nthe tour broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
