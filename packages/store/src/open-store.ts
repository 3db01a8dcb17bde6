import type {
  AuditHead,
  AuditLog,
  EvidenceStore,
  GateBook,
  HaltSwitch,
  HeldDeploys,
  Journal,
  Outbox,
  RightsChanges,
  RunStore,
  ScheduleStore,
  ServiceRegister,
  TokenStore,
} from '@haldane/core';
import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import { PostgresRightsChanges } from './access/postgres-rights-changes.ts';
import { PostgresServiceRegister } from './access/postgres-service-register.ts';
import { PostgresTokenStore } from './access/postgres-token-store.ts';
import { HeldWrites } from './asking/held-writes.ts';
import { Line } from './asking/line.ts';
import { Renewals } from './asking/renewals.ts';
import { PostgresAuditLog } from './audit/postgres-audit-log.ts';
import { type Address, openPool } from './connection.ts';
import type { Tables } from './database.ts';
import { PostgresHeldDeploys } from './deploys/postgres-held-deploys.ts';
import { startEmbedded } from './embedded/start-embedded.ts';
import { EventFeed, type EventListener } from './events/event-feed.ts';
import { PostgresEvidenceStore } from './evidence/postgres-evidence-store.ts';
import { type ExperimentShelf, PostgresExperimentShelf } from './experiments/experiment-shelf.ts';
import { type Figures, PostgresFigures } from './figures/postgres-figures.ts';
import { PostgresGateBook } from './gate/postgres-gate-book.ts';
import { PostgresHaltSwitch } from './halt/postgres-halt-switch.ts';
import { type AlertInbox, PostgresAlertInbox } from './inbox/alert-inbox.ts';
import { PostgresJournal } from './journal/postgres-journal.ts';
import { migrate } from './migrate/migrate.ts';
import { migrationsFolder, readMigrations } from './migrate/read-migrations.ts';
import { PostgresOutbox } from './outbox/postgres-outbox.ts';
import { type PolicyStore, PostgresPolicyFacts } from './policy/postgres-policy-facts.ts';
import { PostgresRunStore } from './runs/postgres-run-store.ts';
import { PostgresSchedules } from './schedules/postgres-schedules.ts';
import { PostgresSettings, type Settings } from './settings.ts';
import { translated } from './translate.ts';

/** `dataDir`: an embedded server whose files live there; this process owns it until `close`. */
export type StoreOptions = (Address | { readonly dataDir: string }) & {
  /** Connections at most; 10 when it is not given. */
  readonly poolSize?: number;
  /** Told where the audit log stands after each entry, to be published outside the database. */
  readonly onAudit?: (head: AuditHead) => void;
};

export type Store = {
  readonly runs: RunStore;
  readonly journal: Journal;
  readonly evidence: EvidenceStore;
  readonly alerts: AlertInbox;
  readonly settings: Settings;
  readonly tokens: TokenStore;
  readonly rights: RightsChanges;
  readonly services: ServiceRegister;
  readonly experiments: ExperimentShelf;
  readonly audit: AuditLog;
  readonly halt: HaltSwitch;
  readonly schedules: ScheduleStore;
  readonly policy: PolicyStore;
  readonly gate: GateBook;
  readonly outbox: Outbox;
  readonly deploys: HeldDeploys;
  readonly figures: Figures;
  /** The pool whose runs are all that this role may drive and see; null: it is no pool's role. */
  readonly pool: string | null;
  /** Calls the listener whenever a run has new events (see EventFeed); returns what removes it. */
  onEvents(listener: EventListener): () => void;
  /** Ends the connections, and the embedded server if there is one. */
  close(): Promise<void>;
};

/**
 * Opens the database and brings its schema up to date. Throws `unavailable` when nobody answers, `schema-newer` and
 * `migration-changed` as `migrate` does, and `stack-running` while another process owns the data folder.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const embedded = 'dataDir' in options ? await startEmbedded({ dataDir: options.dataDir }) : null;
  const address: Address = embedded ? { connection: embedded.connection } : (options as Address);
  // A migration, or another process's that is waited for, may rightly take longer than any query of ours.
  const patient = openPool(address, 1, { silentMs: 0 });
  let own: string | null;
  try {
    await migrate(patient, await readMigrations(migrationsFolder));
    own = await ownPool(patient);
  } catch (error) {
    await patient.end();
    await embedded?.stop();
    throw error;
  }
  await patient.end();
  const pool = openPool(address, options.poolSize ?? 10);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const feed = new EventFeed(address);
  const renewing = new Line(address, 3);
  const writing = new Line(address, 3);
  const writes = new HeldWrites(writing);
  return {
    runs: new PostgresRunStore(db, new Renewals(renewing), writes),
    journal: new PostgresJournal(db),
    evidence: new PostgresEvidenceStore(db, writes),
    alerts: new PostgresAlertInbox(db),
    settings: new PostgresSettings(db),
    tokens: new PostgresTokenStore(db),
    rights: new PostgresRightsChanges(db),
    services: new PostgresServiceRegister(db),
    experiments: new PostgresExperimentShelf(db),
    audit: new PostgresAuditLog(db, options.onAudit ?? (() => undefined)),
    halt: new PostgresHaltSwitch(db),
    schedules: new PostgresSchedules(db),
    policy: new PostgresPolicyFacts(db),
    gate: new PostgresGateBook(db),
    outbox: new PostgresOutbox(db),
    deploys: new PostgresHeldDeploys(db),
    figures: new PostgresFigures(db),
    pool: own,
    onEvents: (listener) => feed.onEvents(listener),
    close: async () => {
      await Promise.all([feed.close(), renewing.close(), writing.close()]);
      await db.destroy();
      // Kysely ends the pool only if it ever ran a query.
      if (!pool.ended) await pool.end();
      await embedded?.stop();
    },
  };
}

async function ownPool(db: Pool): Promise<string | null> {
  return translated('asking whose role this is', async () => {
    const { rows } = await db.query<{ pool: string }>('select pool from pool_roles where role = current_user');
    return rows[0]?.pool ?? null;
  });
}
