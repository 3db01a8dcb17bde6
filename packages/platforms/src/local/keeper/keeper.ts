import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { checkHealth } from './health-check.ts';
import { readJsonFile, writeJsonFile } from './json-file.ts';
import { Lease } from './lease.ts';
import { type InstanceControl, type InstanceLease, type InstanceRecord, instanceFiles, type KeeperOrder } from './order.ts';
import { OutputLog } from './output-log.ts';
import { endGroup, type ProcessGroup } from './process-group.ts';
import { processStart } from './process-start.ts';

const lookMs = 100;
const settledHealthMs = 500;
/** On a busy machine a sound service may be silent for seconds, and one that has died is noticed by its end. */
const healthAnswerMs = 3000;
const termGraceMs = 2000;
const outputBytes = 1 << 20;
/** Early ends in a row that are taken for a lost port and answered with another one. */
const firstTries = 3;
const backoffMs = { first: 100, most: 5000 };

/**
 * Keeps one instance: starts the service in a process group of its own, watches its health, and ends both when its lease
 * does, without Haldane. Production that dies is started again; an arm is not, so that what the experiment did stays to be seen.
 */
export class Keeper {
  readonly #order: KeeperOrder;
  readonly #lease: Lease;
  readonly #log: OutputLog;
  #record: InstanceRecord;
  #written = '';
  #child: ChildProcess | null = null;
  #wasHealthy = false;
  #misses = 0;
  #earlyEnds = 0;
  #deaths = 0;
  #ending = false;
  #restarting = false;
  #checkedAt = 0;
  /** The process whose health is being asked for. */
  #asked: ChildProcess | null = null;

  constructor(order: KeeperOrder) {
    this.#order = order;
    this.#lease = new Lease(
      order.until,
      () => Date.now(),
      () => performance.now(),
    );
    this.#log = new OutputLog(this.#path('output'), this.#path('olderOutput'), outputBytes);
    const { cluster, instance, role, runId, revision, fingerprint } = order;
    const self = { keeperPid: process.pid, keeperStart: processStart(process.pid) };
    this.#record = {
      cluster,
      instance,
      role,
      runId,
      revision,
      fingerprint,
      ...self,
      pid: null,
      pidStart: null,
      port: 0,
      healthy: false,
      restarts: 0,
      restarted: null,
      down: null,
    };
  }

  /** Resolves never while the instance is kept; the process ends with `end`. */
  async start(): Promise<void> {
    writeJsonFile(this.#path('lease'), { until: this.#order.until } satisfies InstanceLease);
    this.#note({});
    mkdirSync(this.#path('work'), { mode: 0o700 });
    for (const [name, content] of Object.entries(this.#order.files))
      writeFileSync(join(this.#order.folder, name), content, { mode: 0o600 });
    await this.#launch(await freePort());
    while (!this.#ending) {
      await this.#look();
      this.#note({});
      await sleep(lookMs);
    }
  }

  /** Ends the service, removes the folder, and with the last instance the cluster's; then this process. Safe to call again. */
  async end(why: 'told' | 'lease'): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    this.#note({ healthy: false });
    const ended = await this.#endService();
    // A process that even SIGKILL does not end keeps its folder, so that a sweep still finds it.
    if (!ended) process.exit(1);
    rmSync(this.#order.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    // Production is updated in place: whoever told this instance to end may be about to start the next.
    if (why === 'lease' || this.#order.role !== 'production') removeEmptyCluster(dirname(this.#order.folder));
    if (why === 'lease' && this.#order.runFolder !== null) rmSync(this.#order.runFolder, { recursive: true, force: true });
    process.exit(0);
  }

  async #look(): Promise<void> {
    // Whoever removed the folder by hand meant the instance.
    if (!existsSync(this.#order.folder)) return this.end('lease');
    const lease = readJsonFile<InstanceLease>(this.#path('lease'));
    if (lease) this.#lease.take(lease);
    if (this.#lease.hasEnded()) return this.end('lease');
    const control = readJsonFile<InstanceControl>(this.#path('control'));
    if (control?.end) return this.end('told');
    if (control?.restart !== undefined && control.restart !== this.#record.restarted) await this.#restart(control.restart);
    this.#checkHealth();
  }

  /** Asks beside the loop, a process once at a time: neither the lease nor an order waits for a service that is silent. */
  #checkHealth(): void {
    const child = this.#child;
    const every = this.#record.healthy ? settledHealthMs : lookMs;
    if (child === null || child === this.#asked || performance.now() - this.#checkedAt < every) return;
    this.#checkedAt = performance.now();
    this.#asked = child;
    void checkHealth(this.#record.port, this.#order.healthPath, healthAnswerMs).then((ok) => {
      if (this.#asked === child) this.#asked = null;
      // The answer of a port whose service ended meanwhile may be a stranger's.
      if (child === this.#child && !this.#ending) this.#answered(ok);
    });
  }

  #answered(ok: boolean): void {
    this.#misses = ok ? 0 : this.#misses + 1;
    if (ok) {
      this.#wasHealthy = true;
      this.#deaths = 0;
    }
    if (ok) this.#note({ healthy: true, down: null });
    else if (this.#misses >= 2) this.#note({ healthy: false });
  }

  async #restart(order: string): Promise<void> {
    this.#restarting = true;
    await this.#endService();
    this.#restarting = false;
    this.#note({ restarts: this.#record.restarts + 1, restarted: order, down: null });
    await this.#launch(this.#record.port);
  }

  async #endService(): Promise<boolean> {
    const group = this.#group();
    this.#child = null;
    const ended = group === null || (await endGroup(group, termGraceMs, sleep));
    if (ended) this.#note({ healthy: false, pid: null, pidStart: null });
    return ended;
  }

  async #launch(port: number): Promise<void> {
    if (this.#ending) return;
    const [program, ...args] = this.#order.command;
    const env = { ...this.#order.env, [this.#order.portEnv]: String(port) };
    const child = spawn(program ?? '', args, { cwd: this.#path('work'), env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#log.append(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#log.append(chunk));
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('exit', (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code ?? '?'}`));
    });
    this.#note({ port, pid: child.pid ?? null, pidStart: child.pid === undefined ? null : processStart(child.pid), healthy: false });
    void ended.then((how) => this.#ended(child, how));
  }

  async #ended(child: ChildProcess, how: string): Promise<void> {
    if (child !== this.#child || this.#ending || this.#restarting) return;
    this.#log.append(`\n[keeper] the service ${how}\n`);
    await this.#endService();
    this.#note({ down: how });
    const early = !this.#wasHealthy && ++this.#earlyEnds < firstTries;
    if (!early && this.#order.role !== 'production') return;
    await sleep(early ? backoffMs.first : Math.min(backoffMs.most, backoffMs.first * 2 ** this.#deaths++));
    if (this.#ending || this.#child !== null) return;
    this.#note({ restarts: this.#record.restarts + (this.#wasHealthy ? 1 : 0) });
    await this.#launch(this.#wasHealthy ? this.#record.port : await freePort());
  }

  #group(): ProcessGroup | null {
    const { pid, pidStart } = this.#record;
    return pid === null ? null : { pid, pidStart };
  }

  #note(news: Partial<InstanceRecord>): void {
    this.#record = { ...this.#record, ...news };
    const now = JSON.stringify(this.#record);
    if (now === this.#written) return;
    try {
      writeJsonFile(this.#path('state'), this.#record);
      this.#written = now;
    } catch {
      // a full disk ends no service: the next note writes it again
    }
  }

  #path(file: keyof typeof instanceFiles): string {
    return join(this.#order.folder, instanceFiles[file]);
  }
}

/** The last instance takes the cluster's own files with it. */
function removeEmptyCluster(folder: string): void {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    if (entries.some((entry) => entry.isDirectory())) return;
    for (const entry of entries) rmSync(join(folder, entry.name), { force: true });
    rmdirSync(folder);
  } catch {
    // another instance of it is just coming or going and will do this
  }
}
