import { type Arm, arms, type Clock, type Connections, HaldaneError, messageOf } from '@haldane/core';
import { DataplaneClient } from '@haldane/dataplane';
import type { AwsCalls } from './aws-calls.ts';
import { armClusterName, templateName } from './names.ts';
import { ownGroup, ownTemplate } from './own.ts';
import { orderIn } from './user-data.ts';

export type SidecarOptions = {
  /** The shell command that starts `services/router/dist/sidecar/main.js` on an instance; its arguments are appended. */
  readonly start: string;
  /** Where sidecars listen to Haldane. Default 9911. */
  readonly port?: number;
  /** Default: over HTTP. */
  readonly connect?: (url: string, token: string) => SidecarClient;
};

/** What is said to a sidecar. */
export type SidecarClient = Pick<DataplaneClient, 'renew' | 'setFault' | 'clearFault' | 'view' | 'names' | 'check'>;

/** Where the dependencies of a run's service are, and what turns its intake off. */
export type ReadConnections = (runId: string, signal: AbortSignal) => Promise<Connections>;

export type Sidecar = { readonly instance: string; readonly client: SidecarClient; readonly proxies: readonly string[] };
type Order = { readonly token: string; readonly proxies: readonly string[] };
type Found = { readonly at: number; readonly sidecars: readonly Sidecar[]; readonly order: Order | null };

/** AWS counts calls, and arms change seldom. */
const knownForMs = 10_000;
const answerWithinMs = 2_000;

/** The routers beside the instances of a run's arms, found by the run's names: which instances there are, and the token in their template. An instance without an address, not yet or no more, has none. */
export class Sidecars {
  readonly start: string;
  readonly port: number;
  readonly #connect: NonNullable<SidecarOptions['connect']>;
  readonly #calls: AwsCalls;
  readonly #clock: Clock;
  readonly #found = new Map<string, Promise<Found>>();
  readonly #until = new Map<string, number>();
  readonly #ending = new Set<string>();
  readonly #serving = new Set<string>();

  constructor(options: SidecarOptions, calls: AwsCalls, clock: Clock) {
    this.start = options.start;
    this.port = options.port ?? 9911;
    this.#connect = options.connect ?? ((url, token) => new DataplaneClient({ url, token, timeoutMs: answerWithinMs }));
    this.#calls = calls;
    this.#clock = clock;
  }

  /** All of an arm; none when it was launched without, or is gone. `fresh`: asks AWS, whatever it said a moment ago. */
  async of(runId: string, arm: Arm, signal: AbortSignal, fresh = false): Promise<readonly Sidecar[]> {
    const key = armClusterName(runId, arm);
    const before = await this.#found.get(key)?.catch(() => undefined);
    if (before !== undefined && !fresh && this.#clock.now() - before.at < knownForMs) return before.sidecars;
    const finding = this.#find(runId, arm, before?.order ?? null, signal);
    this.#found.set(key, finding);
    return (await finding).sidecars;
  }

  /** Which instances of a wired arm have a sidecar that has said, once, that it carries all that it was ordered to. */
  async serving(runId: string, arm: Arm, instances: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const awaited = instances.filter((id) => !this.#serving.has(id));
    if (awaited.length === 0) return this.#serving;
    const isFound = (all: readonly Sidecar[]) => awaited.every((id) => all.some(({ instance }) => instance === id));
    const known = await this.of(runId, arm, signal);
    const all = isFound(known) ? known : await this.of(runId, arm, signal, true);
    const ask = async ({ instance, client, proxies }: Sidecar): Promise<void> => {
      const carried = new Set((await client.view(signal)).proxies.map((one) => one.proxy));
      if (proxies.every((one) => carried.has(one))) this.#serving.add(instance);
    };
    await Promise.allSettled(all.filter(({ instance }) => awaited.includes(instance)).map(ask));
    return this.#serving;
  }

  /** Until when (epoch ms) the faults of a run last that are made now; 0: nobody has renewed them here, so whatever they lasted until is over. */
  until(runId: string): number {
    return this.#until.get(runId) ?? 0;
  }

  /**
   * From now on the run's sidecars are renewed no more: one that cannot be reached keeps its fault until `until`, which must come some time,
   * though the run's own lease goes on while it is put back.
   */
  letEnd(runId: string): void {
    this.#ending.add(runId);
  }

  /** Says it to each that answers; then throws the first that did not. */
  async renew(runId: string, until: number, signal: AbortSignal): Promise<void> {
    if (this.#ending.has(runId)) return;
    this.#until.set(runId, until);
    const all = (await Promise.all(arms.map((arm) => this.of(runId, arm, signal)))).flat();
    await each(all, ({ client }) => client.renew(runId, until, signal));
  }

  async #find(runId: string, arm: Arm, known: Order | null, signal: AbortSignal): Promise<Found> {
    const at = this.#clock.now();
    const order = known ?? (await this.#order(runId, arm, signal));
    const group = order === null ? null : await ownGroup(this.#calls, armClusterName(runId, arm), runId, signal);
    const ids = group?.instances.map((one) => one.id) ?? [];
    if (order === null || ids.length === 0) return { at, order, sidecars: [] };
    const addresses = await this.#calls.templates.addresses(ids, signal);
    const { token, proxies } = order;
    const sidecars = ids.flatMap((instance) => {
      const address = addresses.get(instance);
      return address ? [{ instance, proxies, client: this.#connect(`http://${address}:${this.port}`, token) }] : [];
    });
    return { at, order, sidecars };
  }

  async #order(runId: string, arm: Arm, signal: AbortSignal): Promise<Order | null> {
    const template = await ownTemplate(this.#calls, templateName(runId, arm), runId, signal);
    const data = template === null ? null : await this.#calls.templates.data(template.id, '1', signal);
    const userData = data?.['UserData'];
    const order = typeof userData === 'string' ? orderIn(userData) : null;
    return order === null ? null : { token: order.token, proxies: order.proxies.map((one) => one.proxy) };
  }
}

/** Asks all, also when one fails, and throws what the first that failed said, naming its instance. */
export async function each<T>(sidecars: readonly Sidecar[], ask: (sidecar: Sidecar) => Promise<T>): Promise<readonly T[]> {
  const answers = await Promise.allSettled(sidecars.map(ask));
  return answers.map((answer, index) => {
    if (answer.status === 'fulfilled') return answer.value;
    const { reason } = answer as { reason: unknown };
    if (!(reason instanceof HaldaneError)) throw reason;
    throw new HaldaneError(reason.code, `instance ${sidecars[index]?.instance}: ${messageOf(reason)}`, {
      cause: reason,
    });
  });
}
