import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../../services/cli/bin/haldane.mjs', import.meta.url));

/** Arguments for `sh` that run a program without what the test runner puts into every Node that it sees. Signals reach the program. */
export const asItself = ['-c', 'unset NODE_OPTIONS; exec "$@"', 'sh'] as const;

export type Outcome = { readonly code: number | null; readonly signal: string | null; readonly out: string; readonly err: string };
export type Haldane = {
  readonly child: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Resolves when it has said this, on either stream; fails when it ends without. */
  said(words: RegExp): Promise<void>;
};

/** The real command line as a process of its own. */
export function haldane(args: readonly string[], env: Readonly<Record<string, string | undefined>>, cwd = '/'): Haldane {
  const child = spawn('/bin/sh', [...asItself, process.execPath, command, ...args], {
    cwd,
    env: { ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  const heard = () => {
    for (const each of listeners) each();
  };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    heard();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    heard();
  });
  const outcome = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }) as Outcome);
  return {
    child,
    outcome,
    said: (words) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!words.test(out) && !words.test(err)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void outcome.then(() => reject(new Error(`it ended without saying ${words}:\n${out}\n${err}`)));
      }),
  };
}
