import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { HaldaneError } from '@haldane/core';
import pg, { type Client } from 'pg';
import { type Address, clientConfig } from '../connection.ts';
import { translated } from '../translate.ts';

/** A role that drives the runs of one pool, and no others. */
export type PoolRole = { readonly role: string; readonly pool: string };

const iterations = 4096;

/**
 * Makes the role the runner of the pool, and makes the role itself if it is not there; then its password is returned, and kept nowhere. What it
 * may do is in `allow_pool` of the migrations. Throws `denied` when whoever connects may not do that, and `bad-request` for a role that has
 * rights of its own.
 */
export async function allowPool(address: Address, { role, pool }: PoolRole): Promise<string | null> {
  return withOwner(address, `making ${role} the runner of pool ${pool}`, async (client) => {
    const { rows } = await client.query('select from pg_roles where rolname = $1', [role]);
    const password = rows.length > 0 ? null : randomBytes(24).toString('base64url');
    if (password !== null) await client.query(`create role ${client.escapeIdentifier(role)} login password '${verifierOf(password)}'`);
    await client.query('select allow_pool($1, $2)', [role, pool]);
    return password;
  });
}

/** Takes every right of a runner from the role; the role itself stays. False when it was the runner of no pool. */
export async function forbidPool(address: Address, role: string): Promise<boolean> {
  return withOwner(address, `taking its rights from ${role}`, async (client) => {
    const { rows } = await client.query('select from pool_roles where role = $1', [role]);
    if (rows.length > 0) await client.query('select forbid_pool($1)', [role]);
    return rows.length > 0;
  });
}

/** The roles that are runners of pools. */
export async function poolRoles(address: Address): Promise<readonly PoolRole[]> {
  return withOwner(address, 'listing the runners of pools', async (client) => {
    return (await client.query<PoolRole>('select role, pool from pool_roles order by pool, role')).rows;
  });
}

/** In one transaction: a role is made and allowed, or neither. */
async function withOwner<T>(address: Address, what: string, work: (client: Client) => Promise<T>): Promise<T> {
  return translated(what, async () => {
    const client = new pg.Client(clientConfig(address));
    client.on('error', () => {});
    await client.connect();
    try {
      await client.query('begin');
      const done = await work(client);
      await client.query('commit');
      return done;
    } catch (error) {
      const { code, message, hint } = error as { code?: string; message: string; hint?: string };
      if (code === '42501')
        throw new HaldaneError('denied', `${message}: connect as the owner of Haldane's tables, who may also make roles (createrole)`);
      if (code === '22023') throw new HaldaneError('bad-request', `${message}; ${hint}`);
      throw error;
    } finally {
      await client.end();
    }
  });
}

/** What the server keeps of a password (SCRAM-SHA-256, RFC 5802 and 7677): the password itself would stand in a log of its statements. */
function verifierOf(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyed = (words: string) => createHmac('sha256', salted).update(words).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`;
}
