import { type Alert, type AlertSource, arms, type Check, type Clock, type Evidence } from '@haldane/core';

/** What a run hears from where alerts arrive: each alert that is about it, once, and whether anybody answers there. */
export class Inbox {
  readonly #source: AlertSource | null;
  readonly #clock: Clock;
  readonly #runId: string;
  #names: readonly string[] = [];
  #from: number;
  /** Epoch ms up to which every alert is known. */
  #readUntil: number;
  #isSilent = false;
  readonly #alerts: Alert[] = [];
  readonly #seen = new Set<string>();

  constructor(source: AlertSource | null, clock: Clock, runId: string) {
    this.#source = source;
    this.#clock = clock;
    this.#runId = runId;
    this.#from = clock.now();
    this.#readUntil = this.#from;
  }

  /** All that arrived and is about this run. */
  get alerts(): readonly Alert[] {
    return this.#alerts;
  }

  /** Goes on from what another runner has read. */
  remember({ alerts, blocks, checks, instances, marks }: Evidence): void {
    this.nameArms(instances);
    this.#alerts.push(...alerts);
    for (const { id } of alerts) this.#seen.add(id);
    this.#from = marks[0]?.at ?? this.#from;
    this.#readUntil = Math.max(this.#from, (blocks.at(-1)?.at ?? 0) * 1000);
    this.#isSilent = checks.findLast(({ name }) => name === 'inbox')?.passed === false;
  }

  /** What the arms are called by where alerts speak of them, beside the run's own id. */
  nameArms(instances: Evidence['instances']): void {
    this.#names = arms.flatMap((arm) => instances[arm]);
  }

  /** Alerts that arrived since the last look; and when it began or ceased that none can be read, that as a check. */
  async read(signal: AbortSignal): Promise<{ readonly alerts: readonly Alert[]; readonly check: Check | null }> {
    if (this.#source === null) return { alerts: [], check: null };
    const to = this.#clock.now();
    const reading = await this.#source.alerts(this.#runId, { from: this.#from, to }, signal);
    if (reading.state === 'unavailable') return { alerts: [], check: this.#silence(reading.why) };
    const points = reading.state === 'ok' ? reading.points : [];
    const fresh = points.filter((alert) => !this.#seen.has(alert.id) && this.#isOurs(alert));
    for (const { id } of fresh) this.#seen.add(id);
    this.#alerts.push(...fresh);
    this.#readUntil = to;
    return { alerts: fresh, check: this.#answered(to) };
  }

  /** An alert may have come that nobody can see: from the last answer on. */
  #silence(why: string): Check | null {
    if (this.#isSilent) return null;
    this.#isSilent = true;
    return { name: 'inbox', at: this.#readUntil, passed: false, seen: `alerts at ${this.#source?.id} could not be read: ${why}` };
  }

  /** Each look is at the whole time since the run began: what was kept meanwhile is read now, but who could not be read may have kept nothing. */
  #answered(at: number): Check | null {
    if (!this.#isSilent) return null;
    this.#isSilent = false;
    return {
      name: 'inbox',
      at,
      passed: true,
      seen: `alerts at ${this.#source?.id} could be read again; one that came meanwhile may be lost`,
    };
  }

  /** Alerts about other services and other runs are none of this run's evidence. */
  #isOurs(alert: Alert): boolean {
    const names = [this.#runId, ...this.#names];
    return Object.values(alert.fields).some((value) => names.some((name) => value.includes(name)));
  }
}
