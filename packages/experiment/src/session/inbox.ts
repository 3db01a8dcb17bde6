import { type Alert, type AlertSource, arms, type Check, type Clock, type Evidence, messageOf, type Reading } from '@haldane/core';

/** What a look came to, and when it began (epoch ms). */
type Look = { readonly reading: Reading<Alert>; readonly at: number };

/** What is not stored yet. */
type Found = Pick<Evidence, 'alerts' | 'checks'>;
const nothing: Found = { alerts: [], checks: [] };

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
  #found = nothing;
  /** Of a source that is asked now and then: when it was asked last, whether it has not answered yet, and what it has said since. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #isAsking = false;
  #answer: Look | null = null;
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

  /** Epoch ms up to which all that arrived is known: of a source that knows at once, now. */
  get heardUntil(): number {
    return this.#pace === null ? this.#clock.now() : this.#readUntil;
  }

  /** How long after it arrived an alert may be known here at the latest, in ms: two looks after its source knows it. */
  get lateMs(): number {
    return this.#pace === null ? 0 : this.#pace.lateMs + 2 * this.#pace.everyMs;
  }

  get #pace() {
    return this.#source?.pace ?? null;
  }

  /** Goes on from what another runner has read. */
  remember({ alerts, blocks, checks, instances, marks }: Evidence): void {
    this.nameArms(instances);
    this.#alerts.push(...alerts);
    for (const { id } of alerts) this.#seen.add(id);
    this.#from = marks[0]?.at ?? this.#from;
    this.#readUntil = Math.max(this.#from, (blocks.at(-1)?.at ?? 0) * 1000 - (this.#pace?.lateMs ?? 0));
    this.#isSilent = checks.findLast(({ name }) => name === 'inbox')?.passed === false;
  }

  /** What the arms are called by where alerts speak of them, beside the run's own id. */
  nameArms(instances: Evidence['instances']): void {
    this.#names = arms.flatMap((arm) => instances[arm]);
  }

  /** What looks have found and nobody has stored: alerts that arrived; and when it began or ceased that none can be read, that as a check. */
  get found(): Found {
    return this.#found;
  }

  /** All that was found is stored. */
  kept(): void {
    this.#found = nothing;
  }

  /**
   * Looks for what arrived since the last look. A source that is asked now and then is not waited for: what it says is heard at a later look.
   */
  async read(signal: AbortSignal): Promise<void> {
    if (this.#source === null) return;
    if (this.#pace === null) {
      this.#hear(await this.#look(this.#source, signal));
      return;
    }
    const answer = this.#answer;
    this.#answer = null;
    if (!this.#isAsking && this.#clock.now() >= this.#askedAt + this.#pace.everyMs) void this.#ask(this.#source, this.#pace.everyMs);
    if (answer !== null) this.#hear(answer);
  }

  /** Never rejects: whoever does not answer before it would be asked again cannot be read. */
  async #ask(source: AlertSource, withinMs: number): Promise<void> {
    const at = this.#clock.now();
    this.#isAsking = true;
    this.#askedAt = at;
    try {
      this.#answer = await this.#look(source, AbortSignal.timeout(withinMs));
    } catch (error) {
      this.#answer = { reading: { state: 'unavailable', why: messageOf(error) }, at };
    } finally {
      this.#isAsking = false;
    }
  }

  async #look(source: AlertSource, signal: AbortSignal): Promise<Look> {
    const at = this.#clock.now();
    return { reading: await source.alerts(this.#runId, { from: this.#from, to: at }, signal), at };
  }

  #hear({ reading, at }: Look): void {
    if (reading.state === 'unavailable') {
      this.#silence(reading.why);
      return;
    }
    const points = reading.state === 'ok' ? reading.points : [];
    const fresh = points.filter((alert) => !this.#seen.has(alert.id) && (this.#source?.asksByName === true || this.names(alert)));
    for (const { id } of fresh) this.#seen.add(id);
    this.#alerts.push(...fresh);
    this.#find({ alerts: fresh, checks: [] });
    this.#readUntil = Math.max(this.#readUntil, at - (this.#pace?.lateMs ?? 0));
    this.#answered(at);
  }

  #find({ alerts, checks }: Found): void {
    this.#found = { alerts: [...this.#found.alerts, ...alerts], checks: [...this.#found.checks, ...checks] };
  }

  #note(check: Omit<Check, 'name'>): void {
    this.#find({ alerts: [], checks: [{ name: 'inbox', ...check }] });
  }

  /** An alert may have come that nobody can see: from the last answer on. */
  #silence(why: string): void {
    if (this.#isSilent) return;
    this.#isSilent = true;
    this.#note({ at: this.#readUntil, passed: false, seen: `alerts at ${this.#source?.id} could not be read: ${why}` });
  }

  /** Each look is at the whole time since the run began: what was kept meanwhile is read now, but who could not be read may have kept nothing. */
  #answered(at: number): void {
    if (!this.#isSilent) return;
    this.#isSilent = false;
    const seen = `alerts at ${this.#source?.id} could be read again; one that came meanwhile may be lost`;
    this.#note({ at, passed: true, seen });
  }

  /** Whether one of its fields names the run or an arm. Where nobody was asked by name, others are about other services and other runs. */
  names(alert: Alert): boolean {
    const names = [this.#runId, ...this.#names];
    return Object.values(alert.fields).some((value) => names.some((name) => value.includes(name)));
  }
}
