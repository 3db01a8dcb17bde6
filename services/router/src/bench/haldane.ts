import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DataplaneClient } from '@haldane/dataplane';
import type { Servant } from './servants.ts';

const runId = 'bench';
const leaseMs = 15_000;

export type Haldane = Servant & {
  readonly port: number;
  /** Requests that the slice brought into arms. */
  counted(): number;
  /** Throws if the slice has ended or narrowed: what was measured then is a router with less to do. */
  assertSliced(): Promise<void>;
};

/**
 * The router as users get it: its real process, a run attached, a slice of `share` for each arm, sticky keys, the budget reserved for each
 * request in an arm, the lease renewed and the telemetry read each second. `profileDir` makes it leave a profile there when it ends.
 */
export async function startHaldane(ports: readonly number[], share: number, profileDir: string | null = null): Promise<Haldane> {
  const stateDir = mkdtempSync(join(tmpdir(), 'haldane-bench-'));
  const token = randomBytes(24).toString('hex');
  const child = spawn(
    process.execPath,
    [
      ...(profileDir === null ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir]),
      fileURLToPath(new URL('../main.js', import.meta.url)),
      ...['--state-dir', stateDir, '--token-stdin'],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  child.stdin.end(token);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { adminPort } = JSON.parse(String(line)) as { adminPort: number };
  const client = new DataplaneClient({ url: `http://127.0.0.1:${adminPort}`, token, timeoutMs: 20_000 });
  const [production, control, experiment] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string, string];
  const until = () => Date.now() + leaseMs;
  const { port } = await client.putRoute({ route: 'bench', port: 0, production: [production] });
  const arms = { control: [control], experiment: [experiment] };
  await client.attach({ runId, route: 'bench', arms, secret: randomBytes(32).toString('hex'), until: until() });
  const caps = { failures: 50, latencyLimitMs: 5000, creditRate: 0.001 };
  await client.putSlice('bench', { runId, name: 'bench', share, exposure: 'all', caps });

  const counts = { after: 0, inArms: 0 };
  const everySecond = async () => {
    await client.renew(runId, until());
    const { blocks } = await client.telemetry(runId, counts.after);
    for (const { at, real } of blocks) {
      counts.after = at;
      counts.inArms += real.control.requests + real.experiment.requests;
    }
  };
  // A second that is missed is read with the next one.
  const timer = setInterval(() => void everySecond().catch(() => undefined), 1000);
  return {
    pid: child.pid ?? 0,
    port,
    counted: () => counts.inArms,
    assertSliced: async () => {
      const slice = (await client.view()).routes[0]?.slices[0];
      if (slice === undefined || slice.spent > 0)
        throw new Error(`the slice has not lasted: ${slice?.spent ?? 'none'} of its budget is spent`);
    },
    stop: async () => {
      clearInterval(timer);
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}
