import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { HaldaneError } from '@haldane/core';

/** All that the process's environment decides. Read once; packages get values. */
export type Config = {
  readonly dataDir: string;
  /** A PostgreSQL server to use in place of the embedded one. */
  readonly databaseUrl: string | null;
  /** Where the API listens on 127.0.0.1; 0 takes a free port. */
  readonly port: number;
  /** A pool that this Haldane shares with others on the same database; absent: none. */
  readonly pool?: string;
  /** The folders that experiments and manifests are taken from; absent: any. */
  readonly files?: readonly string[];
  /** Hosts (`idp.internal`, or with a port) that may be asked within one's own network, and over plain http; absent: none. */
  readonly allow?: readonly string[];
  /** How many routers serve the routes, each through a port of its own; absent: one. */
  readonly routers?: number;
  /** The AWS account that this process has credentials for; absent: none is connected. */
  readonly aws?: {
    readonly region: string;
    readonly endpoint?: string;
    /** Under which each run gets a session of its own. */
    readonly role?: string;
    /** Where a route's users enter, when that is not its balancer's own name: `payments-alb:443=https://payments.example`, with commas between. */
    readonly addresses: Readonly<Record<string, string>>;
    /** Where Haldane's routers stand beside production's instances, by the route's name. */
    readonly sideDoors?: Readonly<Record<string, { readonly targetGroup: string; readonly port: number }>>;
    /** A file of prices, and the most that a run may cost, in US dollars. */
    readonly prices?: string;
    readonly ceilingUsd?: number;
    /** The shell command by which an instance starts a sidecar. */
    readonly sidecar?: string;
    /** The tag that a launch template's version gives to instances and that holds their commit; absent: `commit`. */
    readonly commitTag?: string;
  };
  /** A Prometheus server, and what it is asked: `$cluster` stands for a cluster's name. */
  readonly prometheus?: {
    readonly url: string;
    readonly queries: { readonly requests: string; readonly up: string; readonly started: string };
  };
  /** How the account's CloudWatch is read: for so long after its end a minute may still grow. */
  readonly cloudwatch?: { readonly settleSeconds: number };
  /** Variables that manifests and experiments may name. */
  readonly env: Readonly<Record<string, string>>;
};

/** Reads HALDANE_DATA, DATABASE_URL, HALDANE_PORT, HALDANE_ROUTERS, HALDANE_POOL, HALDANE_FILES, HALDANE_ALLOW, HALDANE_AWS_*, HALDANE_CLOUDWATCH_SETTLE, HALDANE_PROMETHEUS* and XDG_STATE_HOME; `dataDir` wins over the first. Throws `bad-request` naming the variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>, dataDir?: string): Config {
  const port = Number(env['HALDANE_PORT'] ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new HaldaneError('bad-request', `HALDANE_PORT is "${env['HALDANE_PORT']}"; give a port from 0 (any free one) to 65535`);
  const routers = Number(env['HALDANE_ROUTERS'] ?? 1);
  if (!Number.isInteger(routers) || routers < 1 || routers > 16)
    throw new HaldaneError('bad-request', `HALDANE_ROUTERS is "${env['HALDANE_ROUTERS']}"; give a number of routers from 1 to 16`);
  const pool = env['HALDANE_POOL'] ?? '';
  if (pool !== '') requirePoolName('HALDANE_POOL', pool);
  const files = (env['HALDANE_FILES'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const crooked = files.find((folder) => !isAbsolute(folder));
  if (crooked !== undefined)
    throw new HaldaneError('bad-request', `HALDANE_FILES holds "${crooked}"; write whole paths of folders, with ${delimiter} between`);
  const allow = allowedOf(env['HALDANE_ALLOW'] ?? '');
  const state = env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return {
    dataDir: resolve(dataDir ?? env['HALDANE_DATA'] ?? join(state, 'haldane')),
    databaseUrl: env['DATABASE_URL'] ?? null,
    port,
    routers,
    ...(pool === '' ? {} : { pool }),
    ...(files.length === 0 ? {} : { files }),
    ...(allow.length === 0 ? {} : { allow }),
    ...awsOf(env),
    ...cloudWatchOf(env),
    ...prometheusOf(env),
    env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** What each of these is set for: without it nothing reads them. */
const readWith: Readonly<Record<string, readonly string[]>> = {
  HALDANE_AWS_REGION: [
    ...['ROLE', 'ADDRESSES', 'SIDE_DOORS', 'CEILING', 'PRICES', 'SIDECAR', 'COMMIT_TAG'].map((name) => `HALDANE_AWS_${name}`),
    'HALDANE_CLOUDWATCH_SETTLE',
  ],
  HALDANE_PROMETHEUS: ['REQUESTS', 'UP', 'STARTED'].map((name) => `HALDANE_PROMETHEUS_${name}`),
};

/** Settings that are there and that nothing reads, for what they are about is not connected; a line for each that is missing. */
export function unreadSettings(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const isSet = (name: string) => (env[name] ?? '') !== '';
  return Object.entries(readWith).flatMap(([needed, names]) => {
    const unread = isSet(needed) ? [] : names.filter(isSet);
    return unread.length === 0 ? [] : [`nothing reads ${unread.join(', ')}, for ${needed} is not set: set it too, or leave them out`];
  });
}

/** Throws `bad-request`, naming where it stands, unless it can be the name of a pool that several share. */
export function requirePoolName(where: string, pool: string): void {
  // What a data folder has for itself begins with local-.
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(pool) || pool.startsWith('local-'))
    throw new HaldaneError(
      'bad-request',
      `${where} is "${pool}"; give up to 63 small letters, digits and hyphens, not beginning with local-, like payments-team`,
    );
}

function allowedOf(text: string): readonly string[] {
  const hosts = text
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter((host) => host !== '');
  const crooked = hosts.find((host) => !/^([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/.test(host));
  if (crooked !== undefined)
    throw new HaldaneError(
      'bad-request',
      `HALDANE_ALLOW holds "${crooked}"; write hosts, or hosts with a port, with commas between, like idp.internal:8443`,
    );
  return hosts;
}

function cloudWatchOf(env: Readonly<Record<string, string | undefined>>): Pick<Config, 'cloudwatch'> {
  const text = env['HALDANE_CLOUDWATCH_SETTLE'] ?? '';
  if (text === '') return {};
  const settleSeconds = Number(text);
  // Sidecars remember what they met for a quarter of an hour.
  if (!Number.isInteger(settleSeconds) || settleSeconds < 60 || settleSeconds > 480)
    throw new HaldaneError('bad-request', `HALDANE_CLOUDWATCH_SETTLE is "${text}"; give whole seconds from 60 to 480, like 120`);
  return { cloudwatch: { settleSeconds } };
}

function prometheusOf(env: Readonly<Record<string, string | undefined>>): Pick<Config, 'prometheus'> {
  const url = env['HALDANE_PROMETHEUS'] ?? '';
  if (url === '') return {};
  if (!/^https?:\/\/[^/@]+/.test(url) || !URL.canParse(url))
    throw new HaldaneError(
      'bad-request',
      'HALDANE_PROMETHEUS is no address without a password in it; write it like http://prometheus:9090',
    );
  const queries = {
    requests: env['HALDANE_PROMETHEUS_REQUESTS'] ?? 'http_requests_total{cluster="$cluster",synthetic!="true"}',
    up: env['HALDANE_PROMETHEUS_UP'] ?? 'up{cluster="$cluster"}',
    started: env['HALDANE_PROMETHEUS_STARTED'] ?? 'process_start_time_seconds{cluster="$cluster"}',
  };
  for (const [name, query] of Object.entries(queries)) {
    const variable = `HALDANE_PROMETHEUS_${name.toUpperCase()}`;
    if (!query.includes('$cluster'))
      throw new HaldaneError('bad-request', `${variable} names no $cluster: the arms could not be told apart`);
    if (!/^[\w:]*\{.*\}$/.test(query))
      throw new HaldaneError('bad-request', `${variable} is no selector like up{cluster="$cluster"}: sums and rates lose what is counted`);
  }
  return { prometheus: { url, queries } };
}

/** Which credentials are used is the AWS SDK's own affair: its variables, profiles and instance roles. */
function awsOf(env: Readonly<Record<string, string | undefined>>): Pick<Config, 'aws'> {
  const region = env['HALDANE_AWS_REGION'];
  if (region === undefined || region === '') return {};
  const ceilingUsd = Number(env['HALDANE_AWS_CEILING'] ?? 5);
  if (!(ceilingUsd >= 0))
    throw new HaldaneError('bad-request', `HALDANE_AWS_CEILING is "${env['HALDANE_AWS_CEILING']}"; give US dollars, like 5`);
  const named = {
    endpoint: env['HALDANE_AWS_ENDPOINT'],
    role: env['HALDANE_AWS_ROLE'],
    prices: env['HALDANE_AWS_PRICES'],
    sidecar: env['HALDANE_AWS_SIDECAR'],
    commitTag: env['HALDANE_AWS_COMMIT_TAG'],
  };
  const given = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined && value !== ''));
  const sideDoors = sideDoorsOf(env['HALDANE_AWS_SIDE_DOORS'] ?? '');
  const addresses = addressesOf(env['HALDANE_AWS_ADDRESSES'] ?? '');
  return { aws: { region, ceilingUsd, addresses, ...(Object.keys(sideDoors).length === 0 ? {} : { sideDoors }), ...given } };
}

function addressesOf(text: string): Readonly<Record<string, string>> {
  const entries = text.split(',').filter((one) => one.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, route = '', address = ''] = /^\s*([^=\s]+)=(https?:\/\/\S+?)\/?\s*$/.exec(entry) ?? [];
      if (route === '')
        throw new HaldaneError(
          'bad-request',
          `HALDANE_AWS_ADDRESSES holds "${entry}"; write balancer:port=https://host, with commas between`,
        );
      return [route, address];
    }),
  );
}

function sideDoorsOf(text: string): NonNullable<NonNullable<Config['aws']>['sideDoors']> {
  const entries = text.split(',').filter((one) => one.trim() !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, route = '', targetGroup = '', port = ''] = /^\s*([^=\s]+)=([A-Za-z0-9-]{1,32}):(\d{1,5})\s*$/.exec(entry) ?? [];
      if (route === '' || Number(port) < 1 || Number(port) > 65_535)
        throw new HaldaneError(
          'bad-request',
          `HALDANE_AWS_SIDE_DOORS holds "${entry}"; write route=target-group:port, like payments-alb:443=payments-haldane:9800, with commas between`,
        );
      return [route, { targetGroup, port: Number(port) }];
    }),
  );
}
