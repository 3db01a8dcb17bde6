import type { Block, Criteria, Decision, Evidence, Judge } from '@haldane/core';
import { decideBaseline } from './baseline.ts';
import { conclude } from './conclude.ts';
import { firstStop } from './first-stop.ts';
import { breachOf } from './hostile.ts';
import { judgeId } from './judge-id.ts';
import { decideObserving } from './observing.ts';
import { decideProving } from './proving.ts';
import { beginState, counts, foldBlock, type JudgeState } from './state.ts';
import { decideTwin } from './twin.ts';

/**
 * The judge: a fold over closed blocks, then a verdict. It reads no clock and draws no number; the same evidence gives
 * the same decisions and the same record.
 */
export const haldane1: Judge<JudgeState> = {
  id: judgeId,
  begin: beginState,
  step(state, block, evidence) {
    if (!counts(state, block)) return { state, decision: { do: 'go-on', progress: 'nothing new in this second' } };
    const next = foldBlock(state, block, evidence.checks);
    return { state: next, decision: decide(next, block, evidence) };
  },
  conclude,
};

function decide(state: JudgeState, block: Block, { checks, accepts }: Pick<Evidence, 'checks' | 'accepts'>): Decision {
  if (state.criteria.contactUnit === 'twin') return decideTwin(state, checks);
  if (block.phase === 'baseline') return decideBaseline(state, accepts);
  if (block.phase === 'proving') return decideProving(state, checks, accepts);
  if (block.phase === 'observing') return decideObserving(state, accepts);
  // A door that opens while the change is made is open.
  return firstStop([['breach', breachOf(state.hostile, accepts)?.why ?? null]]) ?? { do: 'go-on', progress: 'the change is being made' };
}

/** The state after all blocks of some criteria: what `rejudge` concludes from. */
export function foldAll(criteria: Criteria, evidence: Pick<Evidence, 'blocks' | 'checks'>): JudgeState {
  return evidence.blocks.reduce((state, block) => foldBlock(state, block, evidence.checks), beginState(criteria));
}
