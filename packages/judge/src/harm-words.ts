import { eHolmOf } from './guardrail-names.ts';
import { type Guardrail, harmThreshold, ratesOf } from './harm.ts';
import { worstThreshold } from './latency-guard.ts';
import type { JudgeState } from './state.ts';
import { count, evidenceWords } from './words.ts';

/** What the guardrail counts, for a sentence. */
export function unitWords(state: JudgeState, guardrail: Guardrail): string {
  if (guardrail === 'latency') return 'answers';
  if (guardrail === 'synthetic-users') return 'synthetic requests';
  return state.harm.unit === 'keys' ? 'users' : 'requests';
}

/** "16 of 82 users failed in the experiment, 0 of 79 in control". */
export function rateWords(state: JudgeState, guardrail: Guardrail): string {
  const { failed, of } = ratesOf(state.harm, guardrail, state.keys.seen);
  const { latency } = state.harm;
  if (guardrail === 'latency' && latency !== null) {
    const { ms, times } = worstThreshold(latency);
    return `${count(failed.experiment)} of ${count(of.experiment)} answers took longer than ${count(ms * times)} ms in the experiment, ${count(failed.control)} of ${count(of.control)} longer than ${count(ms)} ms in control`;
  }
  return `${count(failed.experiment)} of ${count(of.experiment)} ${unitWords(state, guardrail)} failed in the experiment, ${count(failed.control)} of ${count(of.control)} in control`;
}

/** Harm in plain words: whom it hit, or would have hit, with the numbers and the strength of the evidence. */
export function harmWords(state: JudgeState): string {
  const named = eHolmOf(state);
  const worst = named.find((one) => one.named) ?? named[0];
  const proven = state.harm.provenAt === null ? 'not proven to be worse' : 'worse';
  return `${rateWords(state, worst?.guardrail ?? 'users')}: ${proven} than the tolerated odds of ${state.criteria.spec.tolerance.odds} (${evidenceWords(state.harm.maxLogE)}, ${harmThreshold(state.criteria).toFixed(0)} needed)`;
}
