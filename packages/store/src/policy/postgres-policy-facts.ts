import { HaldaneError, type Lock, type OpenRun, type PassedRun, type PolicyFacts, type ServiceRef } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

/** What a person says who approves: for which service and environment, which version of which scenario, and why. */
export type Approval = ServiceRef & { readonly scenario: string; readonly version: number; readonly who: string; readonly why: string };

/** A service as a run found it: the cluster that it runs as, and on which platform. */
export type Standing = { readonly service: string; readonly platform: string; readonly source: string };

/** What rules know of other runs, and what people approve. */
export interface PolicyStore extends PolicyFacts {
  /** Notes a person's approval; the same person again changes nothing. */
  approve(approval: Approval): Promise<void>;
  /** Nothing runs on the service for so long. Gives the lock that holds: of two the longer one, or else whoever may lock could shorten. */
  setLock(service: ServiceRef, word: { readonly why: string; readonly by: string; readonly livesMs: number }): Promise<Lock>;
  /** Whether there was a lock. */
  unlock(service: ServiceRef): Promise<boolean>;
  /** Where services run, by what the newest run of each was planned on; those that never had a run are not among them. */
  whereRunning(environment: string, services: readonly string[]): Promise<readonly Standing[]>;
  /** Those that hold now. */
  locks(): Promise<readonly Lock[]>;
}

/** How far back passed runs are looked for. */
const mostPassed = 200;

/** What rules know of other runs, on PostgreSQL. */
export class PostgresPolicyFacts implements PolicyStore {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async now(): Promise<number> {
    return translated('reading the time', async () => {
      const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(this.#db);
      return rows[0]?.now.getTime() ?? Number.NaN;
    });
  }

  async open(): Promise<readonly OpenRun[]> {
    return translated('listing open runs', async () => {
      const { rows } = await sql<OpenRun>`
        select id, service, environment, share, touches from policy_open_runs order by created_at, id`.execute(this.#db);
      return rows;
    });
  }

  async runsOn(environment: string, services: readonly string[]): Promise<readonly { readonly id: string; readonly service: string }[]> {
    if (services.length === 0) return [];
    return translated('looking for runs on what a service depends on', async () => {
      const { rows } = await sql<{ id: string; service: string }>`
        select id, service from policy_open_runs
        where environment = ${environment} and service = any(${[...services]}::text[]) order by created_at, id`.execute(this.#db);
      return rows;
    });
  }

  async whereRunning(environment: string, services: readonly string[]): Promise<readonly Standing[]> {
    if (services.length === 0) return [];
    return translated('looking where services run', async () => {
      const { rows } = await sql<Standing>`
        select wanted.service, newest.platform, newest.source
        from unnest(${[...services]}::text[]) as wanted (service), lateral (
          select platform, source from policy_standing
          where service = wanted.service and environment = ${environment}
          order by created_at desc limit 1) as newest
        order by wanted.service`.execute(this.#db);
      return rows;
    });
  }

  async passed(service: string, scenario: string, version: number): Promise<readonly PassedRun[]> {
    return translated('looking for runs that passed', async () => {
      const { rows } = await sql<PassedRun>`
        select environment, revision, share, at from policy_passed
        where service = ${service} and scenario = ${scenario} and version = ${version}
        order by created_at desc limit ${mostPassed}`.execute(this.#db);
      return rows;
    });
  }

  async approvals({ service, environment }: ServiceRef, scenario: string, version: number): Promise<readonly string[]> {
    return translated('reading approvals', async () => {
      const { rows } = await sql<{ who: string }>`
        select who from approvals
        where service = ${service} and environment = ${environment} and scenario = ${scenario} and version = ${version} order by at, who`.execute(
        this.#db,
      );
      return rows.map(({ who }) => who);
    });
  }

  async approve(approval: Approval): Promise<void> {
    const { service, environment, scenario, version, who, why } = approval;
    await translated('noting an approval', () =>
      sql`
        insert into approvals (service, environment, scenario, version, who, why)
        values (${service}, ${environment}, ${scenario}, ${version}, ${storable(who)}, ${storable(why)})
        on conflict do nothing`.execute(this.#db),
    );
  }

  async pages(receiver: string, since: number, besides: string): Promise<number> {
    return translated('counting pages', async () => {
      const { rows } = await sql<{ pages: number }>`
        select count(*)::int as pages from (
          select id from policy_pages
          -- No run lasts a day: what it was sent since then is in the evidence of those that were made a day before.
          where created_at >= to_timestamp(${since / 1000}) - interval '1 day' and receiver = ${receiver} and received_at >= ${since}
          group by id having not bool_or(run_id = ${besides})) as one`.execute(this.#db);
      return rows[0]?.pages ?? 0;
    });
  }

  async lock({ service, environment }: ServiceRef): Promise<Lock | null> {
    return translated('looking for a lock', async () => {
      const { rows } = await sql<LockRow>`
        select * from locks where service = ${service} and environment = ${environment} and expires_at > clock_timestamp()`.execute(
        this.#db,
      );
      return rows[0] ? lockOf(rows[0]) : null;
    });
  }

  async setLock(
    { service, environment }: ServiceRef,
    { why, by, livesMs }: { readonly why: string; readonly by: string; readonly livesMs: number },
  ): Promise<Lock> {
    return translated('locking a service', async () => {
      const { rows } = await sql<LockRow>`
        with made as (
          insert into locks (service, environment, why, locked_by, expires_at)
          values (${service}, ${environment}, ${storable(why)}, ${storable(by)}, clock_timestamp() + ${livesMs} * interval '1 millisecond')
          on conflict (service, environment) do update
            set why = excluded.why, locked_by = excluded.locked_by, locked_at = clock_timestamp(), expires_at = excluded.expires_at
            where excluded.expires_at > locks.expires_at
          returning *
        )
        select * from made
        union all
        select * from locks where service = ${service} and environment = ${environment} and not exists (select from made)`.execute(
        this.#db,
      );
      if (rows[0] === undefined)
        throw new HaldaneError('conflict', `${service} in ${environment} was locked by another at this moment; ask again`);
      return lockOf(rows[0]);
    });
  }

  async unlock({ service, environment }: ServiceRef): Promise<boolean> {
    return translated('unlocking a service', async () => {
      const { rows } = await sql`
        delete from locks where service = ${service} and environment = ${environment} and expires_at > clock_timestamp()
        returning service`.execute(this.#db);
      return rows.length > 0;
    });
  }

  async locks(): Promise<readonly Lock[]> {
    return translated('listing locks', async () => {
      const { rows } = await sql<LockRow>`
        select * from locks where expires_at > clock_timestamp() order by service, environment`.execute(this.#db);
      return rows.map(lockOf);
    });
  }

  async reserve(
    { id, service, environment }: ServiceRef & { readonly id: string },
    failures: number,
    perMonth: number,
  ): Promise<{ readonly reserved: boolean; readonly held: number }> {
    return translated('setting failures aside', () =>
      this.#db.transaction().execute(async (trx) => {
        // Two runs of a service in one month must not both take what is left: they take turns.
        await sql`select pg_advisory_xact_lock(hashtextextended(${`ledger ${service} ${environment}`}, 0))`.execute(trx);
        const { rows } = await sql<{ held: number; own: boolean }>`
          select coalesce(sum(held) filter (where run_id <> ${id}), 0)::int as held, coalesce(bool_or(run_id = ${id}), false) as own
          from policy_failures
          where service = ${service} and environment = ${environment} and month = date_trunc('month', clock_timestamp() at time zone 'UTC')::date`.execute(
          trx,
        );
        const row = rows[0];
        if (row === undefined) throw new HaldaneError('internal', 'a sum over no rows has no row');
        if (row.own) return { reserved: true, held: row.held };
        if (row.held + failures > perMonth) return { reserved: false, held: row.held };
        await sql`
          insert into failure_ledger (run_id, service, environment, month, reserved)
          values (${id}, ${service}, ${environment}, date_trunc('month', clock_timestamp() at time zone 'UTC')::date, ${failures})
          on conflict (run_id) do nothing`.execute(trx);
        return { reserved: true, held: row.held };
      }),
    );
  }

  async settle(runId: string, spent: number): Promise<void> {
    await translated('settling failures', () =>
      sql`update failure_ledger set spent = ${Math.ceil(spent)} where run_id = ${runId} and spent is null`.execute(this.#db),
    );
  }
}

type LockRow = ServiceRef & { readonly why: string; readonly locked_by: string; readonly expires_at: Date };

function lockOf({ service, environment, why, locked_by, expires_at }: LockRow): Lock {
  return { service, environment, why, by: locked_by, until: expires_at.getTime() };
}
