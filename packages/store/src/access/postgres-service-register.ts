import { HaldaneError, type Owner, type Registered, type ServiceRef, type ServiceRegister, type Watched } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { Database, ServicesTable } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type Row = Selectable<ServicesTable>;

/** Services and their owners on PostgreSQL. */
export class PostgresServiceRegister implements ServiceRegister {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async get({ service, environment }: ServiceRef): Promise<Registered | null> {
    return translated('reading a service', async () => {
      const query = this.#db.selectFrom('services').selectAll().where('service', '=', service).where('environment', '=', environment);
      const row = await query.executeTakeFirst();
      return row ? registeredOf(row) : null;
    });
  }

  async list(teams: readonly string[] | null): Promise<readonly Registered[]> {
    return translated('listing services', async () => {
      const all = this.#db.selectFrom('services').selectAll().orderBy('service').orderBy('environment');
      const rows = await (teams === null ? all : all.where('team', 'in', ['', ...teams])).execute();
      return rows.map(registeredOf);
    });
  }

  async register(ref: ServiceRef, owner: Owner): Promise<Registered> {
    return translated('registering a service', async () => {
      await sql`
        insert into services (service, environment, team, contact)
        values (${ref.service}, ${ref.environment}, ${storable(owner.team)}, ${storable(owner.contact)})
        on conflict do nothing`.execute(this.#db);
      return (await this.get(ref)) as Registered;
    });
  }

  async move(ref: ServiceRef, owner: Owner, watched?: Watched): Promise<Registered> {
    return translated('moving a service', async () => {
      const { rows } = await sql<Row>`
        with before as (
          select * from services where service = ${ref.service} and environment = ${ref.environment} for update
        ), moved as (
          update services s set team = ${storable(owner.team)}, contact = ${storable(owner.contact)}
          from before where s.service = before.service and s.environment = before.environment
          returning s.*
        ), noted as (
          insert into rights_changes (author, what, service, environment, team, until, ask_first)
          select ${storable(watched?.author ?? '')}, json_build_object('kind', 'owner', 'service', before.service, 'environment', before.environment,
              'before', json_build_object('team', before.team, 'contact', before.contact),
              'after', json_build_object('team', moved.team, 'contact', moved.contact)),
            before.service, before.environment, before.team, clock_timestamp() + ${watched?.withinMs ?? null}::float8 * interval '1 millisecond',
            ${watched?.canAnswer ?? false} and ${watched?.withinMs ?? null}::float8 is not null
          from before, moved where ${watched !== undefined} and before.team <> moved.team
        )
        select * from moved`.execute(this.#db);
      if (!rows[0]) throw new HaldaneError('not-found', `${ref.service} in ${ref.environment} is not registered`);
      return registeredOf(rows[0]);
    });
  }
}

function registeredOf(row: Row): Registered {
  const { service, environment, team, contact } = row;
  return { service, environment, owner: { team, contact }, registeredAt: row.registered_at.getTime() };
}
