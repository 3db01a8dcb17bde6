import { createHash } from 'node:crypto';
import type { Criteria } from '@haldane/core';
import { alphaLedger } from './alpha-ledger.ts';
import { judgeId } from './judge-id.ts';

/**
 * SHA-256 (hex) over everything that decides: the judge's version, the criteria and the alpha ledger, as canonical JSON. Taken before
 * the injection and again from the evidence, it shows that nobody moved the bar in between.
 */
export function criteriaHash(criteria: Criteria): string {
  return createHash('sha256')
    .update(canonicalJson({ judge: judgeId, criteria, ledger: alphaLedger(criteria.spec.alpha) }))
    .digest('hex');
}

/** JSON with sorted keys and no space, so that the same value always gives the same text. Undefined members are left out. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}
