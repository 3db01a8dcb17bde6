export { type AlphaLedger, alphaLedger } from './alpha-ledger.ts';
export { criteriaHash } from './criteria-hash.ts';
export { haldane1 } from './judge.ts';
export { judgeId } from './judge-id.ts';
export { rejudge } from './rejudge.ts';
export type { JudgeState } from './state.ts';
