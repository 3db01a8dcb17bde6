import type { JsonObject } from '@haldane/core';

/** A policy of IAM or of a bucket, kept whole: statements that we do not know must survive us, and the name that somebody gave it. */
export type Policy = { readonly Id?: string; readonly Version: string; readonly Statement: readonly JsonObject[] };

export function policyWith(...Statement: readonly JsonObject[]): Policy {
  return { Version: '2012-10-17', Statement };
}

/** A policy as AWS tells it: JSON, which IAM escapes as an address does. A single statement may stand without its list. */
export function policyOf(text = ''): Policy {
  const {
    Version = '2012-10-17',
    Statement = [],
    ...rest
  } = JSON.parse(text.startsWith('%7B') ? decodeURIComponent(text) : text || '{}') as Partial<Omit<Policy, 'Statement'>> & {
    readonly Statement?: JsonObject | readonly JsonObject[];
  };
  return { ...rest, Version, Statement: [Statement].flat() as readonly JsonObject[] };
}
