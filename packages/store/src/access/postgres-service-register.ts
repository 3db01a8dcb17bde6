import { HaldaneError, type Owner, type Registered, type ServiceRef, type ServiceRegister } from '@haldane/core';
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

  async move(ref: ServiceRef, owner: Owner): Promise<Registered> {
    return translated('moving a service', async () => {
      const { rows } = await sql<Row>`
        update services set team = ${storable(owner.team)}, contact = ${storable(owner.contact)}
        where service = ${ref.service} and environment = ${ref.environment} returning *`.execute(this.#db);
      if (!rows[0]) throw new HaldaneError('not-found', `${ref.service} in ${ref.environment} is not registered`);
      return registeredOf(rows[0]);
    });
  }
}

function registeredOf(row: Row): Registered {
  const { service, environment, team, contact } = row;
  return { service, environment, owner: { team, contact }, registeredAt: row.registered_at.getTime() };
}
