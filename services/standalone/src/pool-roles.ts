import { HaldaneError } from '@haldane/core';
import * as store from '@haldane/store';
import type { Config } from './config.ts';

type Where = Pick<Config, 'databaseUrl'>;

/**
 * Makes a PostgreSQL role the runner of the pool. The address to connect with, once, when the role was made for it; null when it was there
 * and has a password of its own.
 */
export async function allowPool({ databaseUrl }: Where, wanted: store.PoolRole): Promise<string | null> {
  const url = named(databaseUrl);
  const addressOf = addressFor(url);
  const password = await store.allowPool({ url }, wanted);
  return password === null ? null : addressOf(wanted.role, password);
}

/** Wherever an address may say who connects; a client's certificate says it, too. */
const ofWhoConnects = ['user', 'password', 'passfile', 'sslcert', 'sslkey', 'sslpassword'];

/** `postgres://user:password@/database?host=/a/folder`: PostgreSQL's own way to name a socket, which is no URL to others. */
const bySocket = /^(postgres(?:ql)?:\/\/[^/?#@]*@)(?=[/?])/;
const placeholder = 'socket.invalid';

/**
 * The same database, for somebody else: nothing in the address is the owner's any more. Throws `bad-request`, without the address, for one that
 * cannot be taken apart.
 */
export function addressFor(databaseUrl: string): (role: string, password: string) => string {
  const text = databaseUrl.replace(bySocket, `$1${placeholder}`);
  const url = URL.canParse(text) ? new URL(text) : null;
  // An @ behind the host is the end of a password that was not encoded.
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.host === '' || `${url.pathname}${url.search}${url.hash}`.includes('@'))
    throw new HaldaneError(
      'bad-request',
      'DATABASE_URL cannot be taken apart: write postgres://user:password@host/database, as a URL is written',
    );
  for (const name of [...url.searchParams.keys()]) if (ofWhoConnects.includes(name.toLowerCase())) url.searchParams.delete(name);
  return (role, password) => {
    url.username = role;
    url.password = password;
    return url.href.replace(`@${placeholder}`, '@');
  };
}

/** Takes every right of a runner from the role. Throws `not-found` when it was none. */
export async function forbidPool({ databaseUrl }: Where, role: string): Promise<void> {
  if (!(await store.forbidPool({ url: named(databaseUrl) }, role)))
    throw new HaldaneError('not-found', `${role} is the runner of no pool; haldane pools lists those that are`);
}

/** The roles that are runners of pools. */
export function poolRoles({ databaseUrl }: Where): Promise<readonly store.PoolRole[]> {
  return store.poolRoles({ url: named(databaseUrl) });
}

function named(databaseUrl: string | null): string {
  if (databaseUrl === null)
    throw new HaldaneError(
      'bad-request',
      "DATABASE_URL is not set: name the database, as the owner of Haldane's tables who may make roles",
    );
  return databaseUrl;
}
