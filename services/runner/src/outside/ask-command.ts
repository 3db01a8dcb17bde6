import { spawn } from 'node:child_process';
import { HaldaneError, type OutsideCheck, type ServiceRef } from '@haldane/core';
import { named } from './named.ts';

const withinMs = 10_000;
/** Of what it prints, so much is read. */
const mostBytes = 4_096;
const given = ['PATH', 'HOME', 'LANG', 'TZ'];

/**
 * Runs the program without a shell; 0 is yes, anything else no, with the first line that it prints as the reason. Throws `unavailable` when it
 * cannot be started or does not end in time; what it started then ends with it.
 */
export async function askCommand(
  { run, env: wanted }: NonNullable<OutsideCheck['command']>,
  env: Readonly<Record<string, string>>,
  service: ServiceRef,
  signal: AbortSignal,
): Promise<string | null> {
  signal.throwIfAborted();
  const [program = '', ...args] = run.map((word) => named(word, service));
  const theirs = Object.fromEntries([...given, ...wanted].flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
  const child = spawn(program, args, {
    env: { ...theirs, HALDANE_SERVICE: service.service, HALDANE_ENVIRONMENT: service.environment },
    stdio: ['ignore', 'pipe', 'ignore'],
    // A group of its own: what it started can be ended, too.
    detached: true,
  });
  let printed = '';
  child.stdout.on('data', (bytes: Buffer) => {
    if (printed.length < mostBytes) printed += bytes.toString('utf8');
  });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  stop.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(new HaldaneError('unavailable', `${program} cannot be run: ${error.message}`)));
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (stop.aborted) throw new HaldaneError('unavailable', `${program} did not end within ${withinMs / 1000} s`);
    if (code === null) throw new HaldaneError('unavailable', `${program} was ended by a signal`);
    return code === 0 ? null : reasonIn(printed) || `${program} ended with ${code}`;
  } finally {
    stop.removeEventListener('abort', end);
    end();
  }
}

function reasonIn(printed: string): string {
  const [line = ''] = printed.trim().split('\n', 1);
  return line.replaceAll(/[^\P{C}]/gu, ' ').slice(0, 200);
}
