import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { HaldaneError, messageOf } from '@haldane/core';
import type { SidecarOrder } from '@haldane/dataplane';
import { startSidecar } from './start-sidecar.ts';

// The instance beside it calls its dependencies through here: a mistake in one exchange is no reason to end.
process.on('uncaughtException', (error) => process.stderr.write(`unexpected: ${error.stack ?? messageOf(error)}\n`));
process.on('unhandledRejection', (error) => process.stderr.write(`unexpected: ${messageOf(error)}\n`));

try {
  const { values } = parseArgs({ options: { order: { type: 'string' }, host: { type: 'string' } } });
  const file = values.order;
  if (file === undefined) throw new HaldaneError('bad-document', '--order FILE is missing: what the sidecar is to do');
  if ((statSync(file).mode & 0o077) !== 0) throw new HaldaneError('bad-document', `--order ${file} can be read by others: chmod 600 it`);
  const order = JSON.parse(readFileSync(file, 'utf8')) as SidecarOrder;
  const router = await startSidecar(order, { adminHost: values.host ?? '0.0.0.0', folder: dirname(file) });
  process.on('SIGTERM', () => void router.stop());
  process.on('SIGINT', () => void router.stop());
  await router.stopped;
  process.exit(0);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}
