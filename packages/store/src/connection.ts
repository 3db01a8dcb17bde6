import type { Socket } from 'node:net';
import { HaldaneError } from '@haldane/core';
import pg from 'pg';

/** Where a PostgreSQL is. Holds the password: never print it. */
export type Connection = {
  /** A host name, or the folder of a unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

/** A server that is named by URL, or by its parts. */
export type Address = { readonly url: string } | { readonly connection: Connection };

const INT8 = 20;

/** The server ends a statement of ours that takes longer. */
const statementMs = 30_000;
/** A server that is there has answered by then, if only that it ended the statement: one that says nothing is not there any more. */
const silentMs = statementMs + 5_000;

/** int8 as a number: every int8 of ours is a count, a fence or a time, far below 2^53; one that is not must not pass unseen. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new HaldaneError('internal', `the database returned ${text}, which no number holds exactly`);
  return value;
}

const types: pg.CustomTypesConfig = {
  // biome-ignore lint/suspicious/noExplicitAny: the signature is pg's own
  getTypeParser: (oid: number, format?: any): any =>
    oid === INT8 && format !== 'binary' ? parseInt8 : pg.types.getTypeParser(oid, format),
};

/**
 * What `pg` needs to reach the server. A client that falls asleep inside a transaction loses it after 5 s: its row locks
 * would otherwise hide the run from those who want to rescue it.
 */
export function clientConfig(address: Address): pg.ClientConfig {
  const limits = {
    types,
    application_name: 'haldane',
    connectionTimeoutMillis: 10_000,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
  if ('connection' in address) return { ...address.connection, ...limits };
  // An address of a socket has no host (postgres://user@/database?host=/folder). The parser's own error carries the address with its password, so it is not handed on as a cause.
  if (!/^postgres(ql)?:\/\//.test(address.url) || !URL.canParse(address.url.replace('@/', '@localhost/'))) {
    throw new HaldaneError(
      'bad-request',
      'DATABASE_URL is not the address of a PostgreSQL; it should look like postgres://user:password@host:5432/database',
    );
  }
  return { connectionString: address.url, ...limits };
}

export type PoolOptions = {
  /** A connection is there within so long or not at all. */
  readonly connectWithinMs?: number;
  /** After so long without a word from the server a connection is broken, and with it what was asked over it; 0 waits for ever. */
  readonly silentMs?: number;
};

/**
 * A pool of connections. An idle one that breaks is dropped; the next query gets a fresh one or says what is wrong. A query that the server
 * does not answer (its machine is gone, or it hangs) ends as `unavailable`, and its connection with it: the next query would wait behind it.
 */
export function openPool(address: Address, max: number, options: PoolOptions = {}): pg.Pool {
  const { connectWithinMs = 10_000, silentMs: silent = silentMs } = options;
  const pool = new pg.Pool({ ...clientConfig(address), max, connectionTimeoutMillis: connectWithinMs });
  pool.on('error', () => {});
  pool.on('connect', (client) => {
    // The pool listens to idle clients only: a busy one that breaks would end the process, though its query already says so.
    client.on('error', () => {});
    const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
    stream.setTimeout(silent, () =>
      stream.destroy(Object.assign(new Error(`the server said nothing for ${silent} ms`), { code: 'ETIMEDOUT' })),
    );
  });
  return pool;
}
