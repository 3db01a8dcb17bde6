import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What the load generator says at its end. `lost`: no answer at all. */
export type LoadSummary = {
  readonly summary: true;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly lost: number;
  readonly losses: readonly string[];
  readonly withoutToken: number;
  readonly usersWithCookies: number;
  readonly byStatus: Readonly<Record<string, number>>;
};

export type Load<Summary = LoadSummary> = { stop(): Promise<Summary> };

const main = fileURLToPath(new URL('../../examples/payments/dist/load/main.js', import.meta.url));

/** The example's own load generator as a process: open loop, users who keep their cookies, until `stop`. Resolves when the first request goes out. */
export function startLoad(url: string, rate: number, env: Readonly<Record<string, string>>): Promise<Load> {
  return startSender(main, { ...env, LOAD_URL: url, LOAD_RATE: `${rate}`, LOAD_USERS: `${rate * 2}`, ENDS_WITH_PARENT: '1' });
}

/** A program that says `{"ready"...` when it begins to send, and a summary as its last line when its input ends. */
export async function startSender<Summary = LoadSummary>(program: string, env: Readonly<Record<string, string>>): Promise<Load<Summary>> {
  const child = spawn(process.execPath, [program], { env: { PATH: process.env['PATH'], ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  let last = '';
  const begun = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      last = line;
      if (line.startsWith('{"ready"')) resolve();
    });
    ended.then(() => reject(new Error(`the load generator ended at once: ${last}`))).catch(reject);
  });
  await begun;
  return {
    async stop() {
      child.stdin.end();
      await ended;
      return JSON.parse(last) as Summary;
    },
  };
}
