export { type AlphaLedger, alphaLedger } from './alpha-ledger.ts';
export { criteriaHash } from './criteria-hash.ts';
export { usersLevel } from './harm.ts';
export { haldane1 } from './judge.ts';
export { judgeId } from './judge-id.ts';
export { type Measured, type RehearsalOptions, type RehearsedSituation, rehearse } from './rehearsal/rehearse.ts';
export { rejudge } from './rejudge.ts';
export { type Replayed, replay, underOther } from './replay.ts';
export type { JudgeState } from './state.ts';
