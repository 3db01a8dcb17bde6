import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type MotoServer = {
  readonly url: string;
  /** Forgets every account. */
  reset(): Promise<void>;
  stop(): Promise<void>;
};

/** Starts moto's server, which plays AWS over HTTP, on a free port of this machine; `program` is its `moto_server`. */
export async function startMoto(program: string): Promise<MotoServer> {
  const port = await freePort();
  const child: ChildProcess = spawn(program, ['-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => {
    for (let tries = 0; tries < 600; tries += 1) {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode} before it answered`);
      const answered = await fetch(`${url}/moto-api/data.json`).then(
        (response) => response.ok,
        () => false,
      );
      if (answered) return;
      await sleep(100);
    }
    throw new Error(`${program} did not answer within a minute`);
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  try {
    await Promise.race([ready(), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  const reset = async () => {
    const { ok, status } = await fetch(`${url}/moto-api/reset`, { method: 'POST' });
    if (!ok) throw new Error(`${program} did not forget its accounts: ${status}`);
  };
  return { url, reset, stop };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
