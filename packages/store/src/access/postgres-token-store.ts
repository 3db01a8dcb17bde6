import { createHash, randomBytes } from 'node:crypto';
import { type Grant, HaldaneError, type NewToken, type Scope, type Token, type TokenStore } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import type { Database, TokensTable } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type Row = Selectable<TokensTable>;

/** Tokens on PostgreSQL. A secret is 256 random bits behind a mark that scanners for leaked secrets can look for. */
export class PostgresTokenStore implements TokenStore {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async issue(token: NewToken): Promise<{ readonly token: Token; readonly secret: string }> {
    const { watched } = token;
    const teams = [...new Set(token.grants.map(({ team }) => team))];
    const secret = `haldane_${randomBytes(32).toString('base64url')}`;
    return translated('making a token', async () => {
      const { rows } = await sql<Row>`
        with made as (
          insert into tokens (id, hash, subject, grants, scope, made_by, made_with, expires_at)
          values (${`t${randomBytes(8).toString('hex')}`}, ${digestOf(secret)}, ${storable(token.subject)}, ${JSON.stringify(token.grants)}::json,
            ${JSON.stringify(token.scope)}::json, ${storable(token.madeBy)}, ${token.madeWith ?? null},
            clock_timestamp() + ${token.livesMs} * interval '1 millisecond')
          returning *
        ), noted as (
          insert into rights_changes (author, what, service, environment, team, until, ask_first)
          select ${storable(watched?.author ?? '')}, json_build_object('kind', 'token', 'token', id, 'subject', subject, 'grants', grants),
            'haldane', 'rights', ${teams.length === 1 ? (teams[0] ?? null) : null}, clock_timestamp() + ${watched?.withinMs ?? null}::float8 * interval '1 millisecond',
            ${watched?.canAnswer ?? false} and ${watched?.withinMs ?? null}::float8 is not null
          from made where ${watched !== undefined}
        )
        select * from made`.execute(this.#db);
      return { token: tokenOf(rows[0] as Row), secret };
    });
  }

  async open(secret: string): Promise<Token | null> {
    return translated('looking up a token', async () => {
      const { rows } = await sql<Row>`
        select * from tokens where hash = ${digestOf(secret)} and revoked_at is null and expires_at > clock_timestamp()`.execute(this.#db);
      return rows[0] ? tokenOf(rows[0]) : null;
    });
  }

  async list(limit: number): Promise<readonly Token[]> {
    return translated('listing tokens', async () => {
      const rows = await this.#db.selectFrom('tokens').selectAll().orderBy('made_at', 'desc').orderBy('id').limit(limit).execute();
      return rows.map(tokenOf);
    });
  }

  async get(id: string): Promise<Token | null> {
    return translated('reading a token', async () => {
      const row = await this.#db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
      return row ? tokenOf(row) : null;
    });
  }

  async revoke(id: string): Promise<Token> {
    return translated('revoking a token', async () => {
      const { rows } = await sql<Row>`
        update tokens set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = ${id} returning *`.execute(this.#db);
      if (!rows[0]) throw new HaldaneError('not-found', `there is no token "${id}"`);
      return tokenOf(rows[0]);
    });
  }

  async useOnce(digest: string, until: number): Promise<boolean> {
    return translated('noting a login', async () => {
      await sql`delete from used_logins where expires_at < clock_timestamp()`.execute(this.#db);
      const { rows } = await sql`
        insert into used_logins (digest, expires_at) values (${digest}, ${new Date(until)})
        on conflict (digest) do nothing returning digest`.execute(this.#db);
      return rows.length === 1;
    });
  }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function tokenOf(row: Row): Token {
  return {
    id: row.id,
    subject: row.subject,
    grants: row.grants as readonly Grant[],
    scope: row.scope as Scope,
    madeBy: row.made_by,
    madeAt: row.made_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    revokedAt: row.revoked_at?.getTime() ?? null,
  };
}
