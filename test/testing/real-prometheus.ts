import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@haldane/platforms/aws-testing';
import type { Test } from 'tap';

export type Counters = {
  readonly cluster: string;
  readonly address: string;
  /** Nobody can read it. */
  isDeaf: boolean;
  answer(code: string, times: number): void;
  /** Its process begins anew. */
  begin(): void;
};

/** An instance that says what it has answered, at an address of its own. */
export async function serveCounters(t: Test, cluster: string): Promise<Counters> {
  let counters = new Map<string, number>();
  let began = Date.now() / 1000;
  const server = createServer((_request, response) => {
    if (instance.isDeaf) return response.destroy();
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    const lines = [...counters].map(([code, count]) => `http_requests_total{code="${code}"} ${count}\n`);
    return response.end([...lines, `process_start_time_seconds ${began}\n`].join(''));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const instance: Counters = {
    cluster,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    isDeaf: false,
    answer: (code, times) => void counters.set(code, (counters.get(code) ?? 0) + times),
    begin() {
      counters = new Map();
      began = Date.now() / 1000;
    },
  };
  return instance;
}

export type PrometheusServer = {
  readonly url: string;
  /** What it reads from now on. */
  read(instances: readonly Pick<Counters, 'cluster' | 'address'>[]): Promise<void>;
};

/** A Prometheus that reads each second what it is told to, until the test ends. */
export async function startPrometheus(t: Test, program: string): Promise<PrometheusServer> {
  const folder = await mkdtemp(join(tmpdir(), 'hdp-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const found = join(folder, 'instances.json');
  await writeFile(found, '[]');
  const config = `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - { job_name: all, file_sd_configs: [{ files: ['${found}'], refresh_interval: 1s }] }
`;
  await writeFile(join(folder, 'prometheus.yml'), config);
  const port = await freePort();
  const given = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`];
  const child = spawn(program, given, { stdio: 'ignore' });
  await once(child, 'spawn'); // or why not
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async read(instances) {
      const targets = instances.map(({ cluster, address }) => ({ targets: [address], labels: { cluster } }));
      await writeFile(`${found}.next`, JSON.stringify(targets));
      await rename(`${found}.next`, found);
    },
  };
}
