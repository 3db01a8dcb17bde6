import { readFile } from 'node:fs/promises';
import type { TrustRule } from '@haldane/api';
import { type Grant, HaldaneError, type JsonObject, messageOf, roles, type Scope, wholeScope } from '@haldane/core';
import { type Finding, readDocument } from '@haldane/documents';

type Written = {
  readonly trust: readonly {
    readonly issuer: string;
    readonly audience: string;
    readonly claims: Readonly<Record<string, string>>;
    readonly grants: readonly Grant[];
    readonly scope: Partial<Scope>;
    readonly lives: number;
  }[];
};

const words = { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 } as const;
const schema = {
  type: 'object',
  required: ['trust'],
  additionalProperties: false,
  properties: {
    trust: {
      type: 'array',
      items: {
        type: 'object',
        required: ['issuer', 'audience', 'claims', 'grants'],
        additionalProperties: false,
        properties: {
          issuer: { type: 'string', pattern: '^https?://' },
          audience: { type: 'string', minLength: 1 },
          claims: { type: 'object', minProperties: 1, additionalProperties: { type: 'string', minLength: 1 } },
          grants: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              required: ['role', 'team'],
              additionalProperties: false,
              properties: { role: { type: 'string', enum: [...roles] }, team: { type: 'string', minLength: 1 } },
            },
          },
          scope: {
            type: 'object',
            additionalProperties: false,
            properties: { operations: words, services: words, environments: words },
            default: {},
          },
          lives: { type: 'integer', minimum: 60, maximum: 86_400, default: 900 },
        },
      },
    },
  },
} as const satisfies JsonObject;

/** CI systems whose logins any of their users can have signed, for their own repository: a rule must say which, where and from what ref. */
const pipelines: Readonly<Record<string, readonly string[]>> = {
  'https://token.actions.githubusercontent.com': ['repository', 'environment', 'ref'],
};

/** Reads the file of trust rules. Throws `bad-document` with every problem, or `not-found`. */
export async function readTrust(file: string): Promise<readonly TrustRule[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new HaldaneError('not-found', `HALDANE_TRUST: ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  const { trust } = readDocument<Written>({ text, source: file, what: 'list of trust rules', schema, check });
  return trust.map(({ lives, scope, ...rule }) => ({ ...rule, scope: { ...wholeScope, ...scope }, livesMs: lives * 1000 }));
}

function check({ trust }: Written): readonly Finding[] {
  return trust.flatMap(({ issuer, claims }, at) => {
    const missing = (pipelines[issuer] ?? []).filter((name) => claims[name] === undefined);
    const open = issuer.startsWith('http:') && !/^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(issuer);
    return [
      ...missing.map((name) => ({
        about: 'value' as const,
        keys: ['trust', at, 'claims', name],
        message: `say which ${name}: without it everybody with an account there would be let in`,
      })),
      ...(open
        ? [
            {
              about: 'value' as const,
              keys: ['trust', at, 'issuer'],
              message: 'an issuer is asked over https; plain http only on this machine',
            },
          ]
        : []),
    ];
  });
}
