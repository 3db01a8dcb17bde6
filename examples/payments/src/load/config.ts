import { parseArgs } from 'node:util';
import { text, whole } from '../process/environment.ts';
import type { TokenClient } from './token-source.ts';

export type LoadConfig = {
  readonly url: string;
  /** Requests a second. */
  readonly rate: number;
  readonly users: number;
  /** How long to send; 0 until it is told to stop. */
  readonly seconds: number;
  readonly tokenUrl: string;
  readonly clients: readonly TokenClient[];
  readonly seed: string;
};

/** Arguments win over variables. Client secrets come by variable only: arguments are seen by every local user. */
export function readLoadConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): LoadConfig {
  const options = {
    rate: { type: 'string' },
    users: { type: 'string' },
    url: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const given = {
    ...env,
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`LOAD_${name.toUpperCase()}`, value])),
  };
  const clients = JSON.parse(text(given, 'LOAD_CLIENTS')) as TokenClient[];
  if (!Array.isArray(clients) || clients.length === 0) throw new Error('LOAD_CLIENTS must be a JSON list of {id, secret}');
  const config = {
    url: text(given, 'LOAD_URL').replace(/\/$/, ''),
    rate: whole(given, 'LOAD_RATE', 200),
    users: whole(given, 'LOAD_USERS', 400),
    seconds: whole(given, 'LOAD_SECONDS', 0),
    tokenUrl: text(given, 'LOAD_TOKEN_URL'),
    clients,
    seed: text(given, 'LOAD_SEED', 'payments'),
  };
  if (config.rate === 0 || config.users === 0) throw new Error('LOAD_RATE and LOAD_USERS must be at least 1');
  return config;
}
