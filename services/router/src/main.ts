import { HaldaneError, messageOf } from '@haldane/core';
import { readConfig } from './config.ts';
import { processStart } from './process-start.ts';
import { createRouter } from './router.ts';
import { readRouterFile, removeRouterFile, writeRouterFile } from './state-files.ts';

// Whoever started us may be gone: neither a closed pipe nor a closed terminal is a reason to stop serving production.
process.on('SIGHUP', () => undefined);
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
// Nor is a mistake of ours in one exchange: everybody else's traffic passes through here too.
process.on('uncaughtException', (error) => process.stderr.write(`unexpected: ${error.stack ?? messageOf(error)}\n`));
process.on('unhandledRejection', (error) => process.stderr.write(`unexpected: ${messageOf(error)}\n`));

try {
  const config = readConfig(process.argv.slice(2), process.env);
  const other = readRouterFile(config.stateDir);
  if (other && other.pid !== process.pid && processStart(other.pid) === other.startTime) {
    throw new HaldaneError('stack-running', `a router (pid ${other.pid}) serves ${config.stateDir} already: use it, or end it first`);
  }
  const router = await createRouter({ ...config, warn: (message) => process.stderr.write(`${message}\n`) });
  const file = { id: router.id, pid: process.pid, startTime: processStart(process.pid) ?? '', adminPort: router.adminPort };
  writeRouterFile(config.stateDir, file);
  process.on('SIGTERM', () => void router.stop());
  process.on('SIGINT', () => void router.stop());
  process.stdout.write(`${JSON.stringify({ ready: true, ...file })}\n`);
  await router.stopped;
  removeRouterFile(config.stateDir);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}
