import {
  type Block,
  type Clock,
  emptyProbeTally,
  type MetricSource,
  type ProbeSecond,
  type ProbeSession,
  type TrafficBlock,
} from '@haldane/core';

/** How long a metric source may be silent before the run stops: no data is never a pass. */
const silentMs = 3_000;
/** Nothing was sent. */
const quiet = { control: emptyProbeTally, experiment: emptyProbeTally };
const quietSecond: Omit<ProbeSecond, 'at'> = { legitimate: quiet, hostile: quiet };

/** A closed second, whole but for what only the run itself knows. */
export type WholeSecond = Omit<Block, 'phase' | 'healthy'>;

/**
 * Seconds of a run whose halves have not met: what the metric source counts of real traffic, and what the synthetic streams were answered. Where
 * nothing is sent there is no other half.
 */
export class Seconds {
  readonly #metrics: MetricSource;
  readonly #clock: Clock;
  readonly #runId: string;
  readonly #hasStreams: boolean;
  readonly #traffic = new Map<number, TrafficBlock>();
  readonly #streams = new Map<number, ProbeSecond>();
  #after = 0;
  /** Seconds up to here are in the evidence already. */
  #stored = 0;
  #lastHeard = 0;

  constructor(metrics: MetricSource, clock: Clock, runId: string, hasStreams: boolean) {
    this.#metrics = metrics;
    this.#clock = clock;
    this.#runId = runId;
    this.#hasStreams = hasStreams;
  }

  /** From now on closed seconds are expected: silence counts from here. */
  listen(): void {
    this.#after = Math.floor(this.#clock.now() / 1000);
    this.forgiveSilence();
  }

  /** Goes on after the seconds that another runner has stored. */
  remember(blocks: readonly Block[]): void {
    this.listen();
    // Read from the beginning, where the source still has it: who was seen before is told apart from who is new by whoever merges them.
    this.#after = Math.min(this.#after, (blocks[0]?.at ?? this.#after + 1) - 1);
    this.#stored = blocks.at(-1)?.at ?? 0;
    this.#metrics.sent?.(this.#runId, blocks);
  }

  /** Silence counts from now. */
  forgiveSilence(): void {
    this.#lastHeard = this.#clock.now();
  }

  /** Whether all was heard that happened up to this second, and the one after it. */
  isPast(second: number): boolean {
    return this.#after >= second + 1;
  }

  /** Takes in what closed since the last look. In words why the run cannot go on, for the source has been silent too long; else null. */
  async read(probes: Pick<ProbeSession, 'drain'> | null, signal: AbortSignal): Promise<string | null> {
    const silent = await this.#readTraffic(signal);
    const seconds = probes?.drain() ?? [];
    for (const second of seconds) this.#streams.set(second.at, second);
    this.#metrics.sent?.(this.#runId, seconds);
    return silent;
  }

  async #readTraffic(signal: AbortSignal): Promise<string | null> {
    const reading = await this.#metrics.read(this.#runId, this.#after, signal);
    const now = this.#clock.now();
    if (reading.state === 'ok' && reading.points.length > 0) {
      this.#lastHeard = now;
      for (const point of reading.points) {
        if (point.at > this.#stored) this.#traffic.set(point.at, point);
        this.#after = Math.max(this.#after, point.at);
      }
    }
    const silence = now - this.#lastHeard;
    const stillMs = this.#metrics.stillMs?.(this.#runId) ?? this.#metrics.lateMs?.(this.#runId) ?? 0;
    if (silence <= silentMs + stillMs) return null;
    const why = reading.state === 'unavailable' ? reading.why : 'no closed block arrived';
    return `${this.#metrics.id} has been silent for ${(silence / 1000).toFixed(1)} s: ${why}`;
  }

  /** Seconds whose halves have met, in order, each given once. One whose other half never comes is a gap, not a zero. */
  take(): readonly WholeSecond[] {
    const ready = [...this.#traffic.values()].filter(({ at }) => !this.#hasStreams || this.#streams.has(at)).sort((a, b) => a.at - b.at);
    const newest = ready.at(-1);
    if (newest === undefined) return [];
    const whole = ready.map((traffic) => {
      const { legitimate, hostile } = this.#streams.get(traffic.at) ?? quietSecond;
      return { ...traffic, legitimate, hostile };
    });
    for (const half of [this.#traffic, this.#streams]) for (const at of half.keys()) if (at <= newest.at) half.delete(at);
    return whole;
  }
}
