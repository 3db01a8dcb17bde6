import { execFile } from 'node:child_process';
import { withoutRepository } from './without-repository.ts';

/**
 * The output of a git command on the repository that the folder is in, whatever the environment says, or null when it failed for whatever reason but
 * the signal. Takes no lock.
 */
export function askGit(folder: string, args: readonly string[], signal: AbortSignal, withinMs = 30_000): Promise<string | null> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      ['--no-optional-locks', ...args],
      {
        cwd: folder,
        // biome-ignore lint/style/noProcessEnv: git would inherit it all the same; this only takes away from it
        env: withoutRepository(process.env),
        signal,
        timeout: withinMs,
        maxBuffer: 64 * 1024 * 1024,
        encoding: 'utf8',
      },
      (error, stdout) => {
        if (signal.aborted) return reject(signal.reason as Error);
        resolve(error === null ? stdout : null);
      },
    );
  });
}
