export type AuditEvent = Readonly<Record<string, string | number | boolean | null>> & { readonly event: string };

export type AuditLogOptions = {
  readonly url: string;
  readonly service: string;
  readonly instance: string;
  readonly flushMs: number;
  /** Events kept while the sink is away; beyond that the oldest are dropped and the gap itself is recorded. */
  readonly keep: number;
};

/** Sends what happened to the audit sink, a few at a time. No request ever waits for it or fails because of it. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  #waiting: string[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | null = null;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  write(event: AuditEvent): void {
    this.#append(event);
    this.#flushIn(this.#options.flushMs);
  }

  /** Sends what is waiting; what the sink does not take is tried again later. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
      if (this.#waiting.length > 0) this.#flushIn(this.#options.flushMs * 5);
    });
    return this.#sending;
  }

  /** Two tries for what is left, then no more: an instance must not stay because the sink is away. */
  async close(): Promise<void> {
    await this.flush();
    if (this.#waiting.length > 0) await this.flush();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #flushIn(ms: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), ms).unref();
  }

  #append(event: AuditEvent): void {
    this.#waiting.push(this.#line(event));
    if (this.#waiting.length <= this.#options.keep) return;
    this.#waiting.shift();
    this.#dropped += 1;
  }

  #line(event: AuditEvent): string {
    const { service, instance } = this.#options;
    return JSON.stringify({ at: new Date().toISOString(), service, instance, ...event });
  }

  async #send(): Promise<void> {
    const batch = this.#waiting.splice(0, 200);
    const dropped = this.#dropped;
    this.#dropped = 0;
    // The record of a gap is made for the sending only: kept, it would push out what is left.
    const lines = dropped === 0 ? batch : [this.#line({ event: 'audit-gap', dropped }), ...batch];
    if (lines.length === 0) return;
    try {
      const answer = await fetch(this.#options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: `${lines.join('\n')}\n`,
        signal: AbortSignal.timeout(2000),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`status ${answer.status}`);
    } catch {
      // The sink is away. What it did not take goes first next time, as far as there is room beside what came meanwhile.
      const kept = batch.slice(Math.max(0, batch.length - (this.#options.keep - this.#waiting.length)));
      this.#dropped += dropped + batch.length - kept.length;
      this.#waiting = [...kept, ...this.#waiting];
    }
  }
}
