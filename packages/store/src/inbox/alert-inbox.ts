import type { Alert, AlertSource, Reading } from '@haldane/core';
import { messageOf } from '@haldane/core';
import type { Database } from '../database.ts';
import { translated } from '../translate.ts';

/** Where alerts wait until a run asks for them. Whoever receives them has already dropped the fields that may not be kept. */
export interface AlertInbox extends AlertSource {
  /** Keeps an alert. The same id at the same receiver again changes nothing: the first arrival counts. */
  receive(alert: Alert): Promise<void>;
}

/** The inbox on PostgreSQL. A silent database is `unavailable`, an empty window is `no-data`: neither is an answer. */
export class PostgresAlertInbox implements AlertInbox {
  readonly id = 'inbox';
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async receive(alert: Alert): Promise<void> {
    await translated('keeping an alert', () =>
      this.#db
        .insertInto('alerts')
        .values({
          receiver: alert.receiver,
          id: alert.id,
          rule: alert.rule,
          severity: alert.severity,
          received_at: Math.round(alert.receivedAt),
          fields: JSON.stringify(alert.fields),
        })
        .onConflict((conflict) => conflict.columns(['receiver', 'id']).doNothing())
        .execute(),
    );
  }

  async alerts(_runId: string, window: { readonly from: number; readonly to: number }): Promise<Reading<Alert>> {
    try {
      const rows = await this.#db
        .selectFrom('alerts')
        .selectAll()
        .where('received_at', '>=', Math.ceil(window.from))
        .where('received_at', '<=', Math.floor(window.to))
        .orderBy('received_at')
        .orderBy('receiver')
        .orderBy('id')
        .execute();
      const points = rows.map((row) => ({
        id: row.id,
        receiver: row.receiver,
        rule: row.rule,
        severity: row.severity,
        receivedAt: row.received_at,
        fields: row.fields,
      }));
      return points.length === 0 ? { state: 'no-data' } : { state: 'ok', points };
    } catch (error) {
      return { state: 'unavailable', why: messageOf(error) };
    }
  }
}
