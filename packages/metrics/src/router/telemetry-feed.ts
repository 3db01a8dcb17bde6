import type { TrafficBlock } from '@haldane/core';
import type { TelemetryNews } from '@haldane/dataplane';

/** A reader that left more than a minute unread does not come back. */
const mostUnread = 60;

/** What one run's stream has told and nobody has read yet. Ends by itself: with the stream, whatever ended it, or with its reader. */
export class TelemetryFeed {
  readonly #blocks: TrafficBlock[] = [];
  readonly #ending = new AbortController();
  #read: number;
  #open: TrafficBlock | null = null;
  #state: 'opening' | 'telling' | 'ended' = 'opening';

  /** Follows from the epoch second `after`. */
  constructor(after: number, follow: (signal: AbortSignal) => AsyncIterable<TelemetryNews>) {
    this.#read = after;
    void this.#hear(follow);
  }
  /** Whether it has heard everything that there is after `after`. If not, ask the router itself. */
  knows(after: number): boolean {
    if (after < this.#read || this.#state === 'opening') return false;
    return this.#state === 'telling' || this.#blocks.some((block) => block.at > after);
  }
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }
  /** Closed seconds after `after`. Up to there nothing is kept any longer. */
  take(after: number): readonly TrafficBlock[] {
    this.#read = after;
    const points = this.#blocks.filter((block) => block.at > after);
    this.#blocks.splice(0, this.#blocks.length, ...points);
    return points;
  }
  /** The second that counts now, as it was told last. */
  get open(): TrafficBlock | null {
    return this.#open;
  }
  end(): void {
    this.#ending.abort();
  }

  async #hear(follow: (signal: AbortSignal) => AsyncIterable<TelemetryNews>): Promise<void> {
    try {
      for await (const news of follow(this.#ending.signal)) {
        this.#state = 'telling';
        this.#blocks.push(...news.blocks);
        this.#open = news.open;
        if (this.#blocks.length > mostUnread || !news.attached) return;
      }
    } catch {
      // Why it broke off is what the router says, or does not say, to whoever asks it next.
    } finally {
      this.#state = 'ended';
      this.#open = null;
      this.#ending.abort();
    }
  }
}
