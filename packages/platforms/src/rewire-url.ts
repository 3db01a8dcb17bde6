import { HaldaneError } from '@haldane/core';

/**
 * The same address, but at a proxy on this machine: scheme, path, query and credentials stay. Works for every
 * `scheme://host[:port]` address; of several hosts (a database cluster's) one proxy takes the place of all.
 */
export function rewireUrl(url: string, host: string, port: number): string {
  const parts = partsOf(url);
  return `${parts.scheme}://${parts.credentials}${host}:${port}${parts.rest}`;
}

/** Where a proxy forwards to: scheme, host and port of the address. No path, which the caller sends anyway, and no credentials. */
export function originOf(url: string, as: 'http' | 'https' | 'tcp'): string {
  const { scheme, hosts } = partsOf(url);
  if (as !== 'tcp') return `${scheme}://${hosts}`;
  const first = hosts.split(',')[0] ?? '';
  if (/:\d+$/.test(first)) return `tcp://${first}`;
  const port = wellKnownPorts[scheme];
  if (port === undefined)
    throw new HaldaneError(
      'bad-document',
      `the address "${scheme}://${first}" names no port, and ${scheme} has none that is known: write ${scheme}://${first}:PORT`,
    );
  return `tcp://${first}:${port}`;
}

/** The host's name alone. */
export function hostOf(url: string): string {
  return partsOf(url)
    .hosts.replace(/,.*$/, '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** Path and query, `/` at least. */
export function pathOf(url: string): string {
  const { rest } = partsOf(url);
  const path = rest.replace(/#.*$/, '');
  return path.startsWith('/') ? path : `/${path}`;
}

const wellKnownPorts: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  postgres: 5432,
  postgresql: 5432,
  mysql: 3306,
  redis: 6379,
  rediss: 6379,
  amqp: 5672,
  amqps: 5671,
  mongodb: 27017,
  ldap: 389,
  ldaps: 636,
};

/** Not `URL`: it normalises paths and cannot hold the several hosts that database drivers allow. */
export function partsOf(url: string): {
  readonly scheme: string;
  readonly credentials: string;
  readonly hosts: string;
  readonly rest: string;
} {
  const found = /^([a-z][a-z0-9+.-]*):\/\/(?:([^/?#]*)@)?([^/?#@]+)([/?#].*)?$/i.exec(url);
  // The address itself may hold a password: it is not repeated.
  if (!found)
    throw new HaldaneError(
      'bad-document',
      'a dependency has an address that is not scheme://host[:port][/path]: correct its url in the manifest',
    );
  const [, scheme = '', credentials, hosts = '', rest = ''] = found;
  return { scheme: scheme.toLowerCase(), credentials: credentials === undefined ? '' : `${credentials}@`, hosts, rest };
}
