import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { HaldaneError } from '@haldane/core';

/** All that the process's environment decides. Read once; packages get values. */
export type Config = {
  readonly dataDir: string;
  /** A PostgreSQL server to use in place of the embedded one. */
  readonly databaseUrl: string | null;
  /** Where the API listens on 127.0.0.1; 0 takes a free port. */
  readonly port: number;
  /** The AWS account that this process has credentials for; absent: none is connected. */
  readonly aws?: { readonly region: string; readonly endpoint?: string };
  /** Variables that manifests and experiments may name. */
  readonly env: Readonly<Record<string, string>>;
};

/** Reads HALDANE_DATA, DATABASE_URL, HALDANE_PORT, HALDANE_AWS_REGION, HALDANE_AWS_ENDPOINT and XDG_STATE_HOME; `dataDir` wins over the first. Throws `bad-request` naming the variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>, dataDir?: string): Config {
  const port = Number(env['HALDANE_PORT'] ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new HaldaneError('bad-request', `HALDANE_PORT is "${env['HALDANE_PORT']}"; give a port from 0 (any free one) to 65535`);
  const state = env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return {
    dataDir: resolve(dataDir ?? env['HALDANE_DATA'] ?? join(state, 'haldane')),
    databaseUrl: env['DATABASE_URL'] ?? null,
    port,
    ...awsOf(env),
    env: Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined)),
  };
}

/** Which credentials are used is the AWS SDK's own affair: its variables, profiles and instance roles. */
function awsOf({
  HALDANE_AWS_REGION: region,
  HALDANE_AWS_ENDPOINT: endpoint,
}: Readonly<Record<string, string | undefined>>): Pick<Config, 'aws'> {
  if (region === undefined || region === '') return {};
  return { aws: { region, ...(endpoint === undefined ? {} : { endpoint }) } };
}
