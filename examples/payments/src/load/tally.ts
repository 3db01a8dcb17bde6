export type Summary = {
  readonly sent: number;
  readonly ok: number;
  /** Answered, but with a 4xx or 5xx. */
  readonly failed: number;
  /** No answer at all: refused, reset, cut or timed out. */
  readonly lost: number;
  /** The first of those without an answer: when it was given up, and why. */
  readonly losses: readonly string[];
  /** Could not be sent, because the identity provider gave no token. */
  readonly withoutToken: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly p50: number | null;
  readonly p99: number | null;
};

/** So many losses are told one by one. */
const mostTold = 20;

/** Counts outcomes over a time. Latencies are kept in bins 5 % wide, so an hour costs no more memory than a second. */
export class Tally {
  #sent = 0;
  #lost = 0;
  readonly #losses: string[] = [];
  #withoutToken = 0;
  readonly #byStatus = new Map<number, number>();
  readonly #bins = new Map<number, number>();

  sent(): void {
    this.#sent += 1;
  }

  withoutToken(): void {
    this.#withoutToken += 1;
  }

  outcome(status: number | null, latencyMs: number, why = ''): void {
    if (status === null) {
      this.#lost += 1;
      if (this.#losses.length < mostTold) this.#losses.push(`${new Date().toISOString()} after ${Math.round(latencyMs)} ms: ${why}`);
      return;
    }
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    const bin = Math.ceil(Math.log(Math.max(latencyMs, 0.01)) / Math.log(1.05));
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + 1);
  }

  summary(): Summary {
    const answered = [...this.#byStatus];
    const ok = answered.reduce((sum, [status, count]) => (status < 400 ? sum + count : sum), 0);
    const all = answered.reduce((sum, [, count]) => sum + count, 0);
    return {
      sent: this.#sent,
      ok,
      failed: all - ok,
      lost: this.#lost,
      losses: [...this.#losses],
      withoutToken: this.#withoutToken,
      byStatus: Object.fromEntries(answered.sort(([a], [b]) => a - b).map(([status, count]) => [String(status), count])),
      p50: this.#quantile(0.5, all),
      p99: this.#quantile(0.99, all),
    };
  }

  /** Upper edge of the bin that the quantile falls into, in milliseconds; null without answers. */
  #quantile(share: number, all: number): number | null {
    let below = 0;
    for (const [bin, count] of [...this.#bins].sort(([a], [b]) => a - b)) {
      below += count;
      if (below >= share * all) return Number((1.05 ** bin).toPrecision(3));
    }
    return null;
  }
}
