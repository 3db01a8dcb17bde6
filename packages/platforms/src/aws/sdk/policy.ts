import type { JsonObject } from '@haldane/core';

/** A policy of IAM or of a bucket, kept whole: statements that we do not know must survive us. */
export type Policy = { readonly Version: string; readonly Statement: readonly JsonObject[] };

export function policyWith(...Statement: readonly JsonObject[]): Policy {
  return { Version: '2012-10-17', Statement };
}

/** A policy as AWS tells it: JSON, which IAM escapes as an address does. A single statement may stand without its list. */
export function policyOf(text = ''): Policy {
  const { Version = '2012-10-17', Statement = [] } = JSON.parse(text.startsWith('%7B') ? decodeURIComponent(text) : text || '{}') as {
    Version?: string;
    Statement?: JsonObject | readonly JsonObject[];
  };
  return { Version, Statement: [Statement].flat() as readonly JsonObject[] };
}
