import { createHash } from 'node:crypto';
import { type Criteria, canonicalJson } from '@haldane/core';
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
