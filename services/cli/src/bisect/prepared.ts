import { spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { HaldaneError } from '@haldane/core';

export type PrepareOptions = {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file that takes what it says. */
  readonly log: string;
  readonly withinMs?: number;
};

/** Of what it said, so much of the end is read. */
const mostBytes = 4_096;

/**
 * Runs what a person gave as a command, in the revision's folder. What it started ends with it, however it ends, for the folder goes later. Throws
 * `not-healthy` with the end of what it said.
 */
export async function prepared(command: string, { cwd, env, log, withinMs = 600_000 }: PrepareOptions, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const said = await open(log, 'w+');
  // A group of its own: what it started can be ended, too.
  const child = spawn('/bin/sh', ['-c', command], { cwd, env, stdio: ['ignore', said.fd, said.fd], detached: true });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
  };
  stop.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(new HaldaneError('not-healthy', `--prepare cannot be run: ${error.message}`)));
      child.once('exit', resolve);
    });
    signal.throwIfAborted();
    if (code === 0) return;
    const how = stop.aborted ? `it did not end within ${withinMs / 1000} s` : `it ended with ${code ?? 'a signal'}`;
    throw new HaldaneError('not-healthy', `--prepare failed: ${[how, await endOf(said)].filter((one) => one !== '').join(': ')}`);
  } finally {
    stop.removeEventListener('abort', end);
    end();
    await said.close();
  }
}

async function endOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, Math.max(0, size - mostBytes));
  return buffer.toString('utf8', 0, bytesRead).trim().split('\n').slice(-2).join(' ').slice(-300);
}
