import { readFileSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HaldaneError, messageOf } from '@haldane/core';

export type RouterConfig = {
  readonly stateDir: string;
  readonly token: string;
  readonly adminPort: number;
  readonly host: string;
  readonly lingerMs: number | null;
};

/**
 * Reads `--state-dir DIR (--token-file FILE | --token-stdin) [--admin-port N] [--host ADDRESS] [--linger-ms N]`; each may be given as
 * HALDANE_ROUTER_STATE_DIR and so on instead, but never the token itself: arguments and environments are seen by others.
 */
export function readConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): RouterConfig {
  const given = parse(argv);
  const setting = (name: string) => given[name] ?? env[`HALDANE_ROUTER_${name.toUpperCase().replaceAll('-', '_')}`];
  const stateDir = setting('state-dir');
  if (!stateDir) throw new HaldaneError('bad-document', '--state-dir is missing: name a folder for routes and router.json');
  const file = setting('token-file');
  if (!file && !given['token-stdin'])
    throw new HaldaneError('bad-document', 'the token is missing: give --token-file FILE (mode 0600) or --token-stdin');
  const token = (file ? readTokenFile(file) : readFileSync(0, 'utf8')).trim();
  if (token.length < 16) throw new HaldaneError('bad-document', 'the token must have at least 16 characters');
  const linger = setting('linger-ms');
  return {
    stateDir,
    token,
    adminPort: wholeNumber('admin-port', setting('admin-port') ?? '0'),
    host: setting('host') ?? '127.0.0.1',
    lingerMs: linger === undefined ? null : wholeNumber('linger-ms', linger),
  };
}

function parse(argv: readonly string[]): Readonly<Record<string, string | undefined>> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        'state-dir': { type: 'string' },
        'token-file': { type: 'string' },
        'token-stdin': { type: 'boolean' },
        'admin-port': { type: 'string' },
        host: { type: 'string' },
        'linger-ms': { type: 'string' },
      },
    });
    return { ...values, 'token-stdin': values['token-stdin'] ? 'yes' : undefined };
  } catch (error) {
    throw new HaldaneError('bad-document', messageOf(error), { cause: error });
  }
}

function readTokenFile(file: string): string {
  const mode = statSync(file).mode & 0o077;
  if (mode !== 0) throw new HaldaneError('bad-document', `--token-file ${file} can be read by others: chmod 600 it`);
  return readFileSync(file, 'utf8');
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new HaldaneError('bad-document', `--${name} is ${text}; it must be a whole number, 0 or more`);
  return value;
}
