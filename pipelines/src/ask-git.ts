import { execFile } from 'node:child_process';

/** The output of a git command, or null when it failed for whatever reason but the signal. Takes no lock. */
export function askGit(folder: string, args: readonly string[], signal: AbortSignal): Promise<string | null> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      ['--no-optional-locks', ...args],
      { cwd: folder, signal, timeout: 30_000, maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' },
      (error, stdout) => {
        if (signal.aborted) return reject(signal.reason as Error);
        resolve(error === null ? stdout : null);
      },
    );
  });
}
