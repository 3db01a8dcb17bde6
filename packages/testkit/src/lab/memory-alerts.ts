import type { Alert, AlertSource, Clock, Reading } from '@haldane/core';
import type { History } from './history.ts';
import type { MemoryProber } from './memory-prober.ts';

export type AlertOptions = {
  readonly clock: Clock;
  readonly history: History;
  readonly prober: MemoryProber;
  readonly receiver: string;
  readonly rule: string;
};

/** A detection that sees the heartbeat and faults in an arm, each after a while. */
export class MemoryAlerts implements AlertSource {
  readonly id = 'memory';
  /** Milliseconds from the event to its alert; null: the alert never comes. */
  heartbeatAfterMs: number | null = 200;
  faultAfterMs: number | null = 1_500;
  /** Why nobody can read what has arrived; null: everybody can. */
  unreadable: string | null = null;
  readonly #options: AlertOptions;

  constructor(options: AlertOptions) {
    this.#options = options;
  }

  async alerts(runId: string, window: { readonly from: number; readonly to: number }): Promise<Reading<Alert>> {
    const { clock, history, prober, receiver, rule } = this.#options;
    if (this.unreadable !== null) return { state: 'unavailable', why: this.unreadable };
    const alert = (name: string, arm: string, at: number, afterMs: number | null): readonly Alert[] => {
      if (afterMs === null) return [];
      const fields = { instance: `${runId}.${arm}-0`, owner: 'payments' };
      return [{ id: `${name} ${arm} ${at}`, receiver, rule: name, severity: 'high', receivedAt: at + afterMs, fields }];
    };
    const heartbeats = prober.sent
      .filter((sent) => sent.runId === runId && sent.name === 'heartbeat')
      .flatMap(({ arm, at }) => alert('heartbeat', arm, at, this.heartbeatAfterMs));
    const faults = (['control', 'experiment'] as const).flatMap((arm) =>
      history.spans(`fault:${runId}.${arm}.`).flatMap(({ from }) => alert(rule, arm, from, this.faultAfterMs)),
    );
    const to = Math.min(window.to, clock.now());
    const points = [...heartbeats, ...faults].filter(({ receivedAt }) => receivedAt >= window.from && receivedAt <= to);
    return { state: 'ok', points: points.sort((a, b) => a.receivedAt - b.receivedAt) };
  }
}
