import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

export type Child = {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Asks it to end and waits until it has; after ten seconds it is killed. */
  stop(): Promise<void>;
};

export type ChildOptions = {
  readonly name: string;
  readonly main: URL;
  readonly env: Readonly<Record<string, string>>;
  /** Its output, all but the line that says it is ready, which may hold a secret. */
  readonly output: string;
  readonly readyWithinMs: number;
};

/**
 * Starts a process of this example and waits until it is ready. It ends with us however we end: it watches its standard input, whose
 * other end only we hold. It gets no more of our environment than it needs to run.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  mkdirSync(dirname(options.output), { recursive: true, mode: 0o700 });
  const output = createWriteStream(options.output, { flags: 'a', mode: 0o600 });
  const { PATH, HOME, LANG } = process.env;
  const inherited = Object.fromEntries(Object.entries({ PATH, HOME, LANG }).filter(([, value]) => value !== undefined));
  const child = spawn(process.execPath, [options.main.pathname], {
    env: { ...inherited, NODE_NO_WARNINGS: '1', ...options.env, ENDS_WITH_PARENT: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may be gone when we let go of its input; that is what letting go is for.
  child.stdin?.on('error', () => undefined);
  const last: string[] = [];
  const keep = (line: string) => {
    output.write(`${line}\n`);
    last.push(line);
    if (last.length > 5) last.shift();
  };
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      output.end();
      resolve();
    });
  });
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', keep);
  const stop = () => stopChild(child, ended);
  try {
    const ready = await readyLine(child, keep, options, last);
    return { pid: child.pid ?? 0, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function readyLine(
  child: ChildProcess,
  keep: (line: string) => void,
  options: ChildOptions,
  last: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) =>
      reject(new Error(`${options.name} ${what}; its last words: ${last.join(' | ') || 'none'} (all of them: ${options.output})`));
    const timer = setTimeout(() => fail(`was not ready within ${options.readyWithinMs} ms`), options.readyWithinMs);
    let isReady = false;
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('close', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code ?? 'a signal'} before it was ready`);
    });
    if (child.stdout === null) return fail('has no output');
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = isReady ? null : readyFrom(line);
      if (said === null) return keep(line);
      isReady = true;
      clearTimeout(timer);
      resolve(said);
    });
  });
}

function readyFrom(line: string): Readonly<Record<string, unknown>> | null {
  if (!line.startsWith('{"ready":true')) return null;
  return JSON.parse(line) as Readonly<Record<string, unknown>>;
}

async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}
