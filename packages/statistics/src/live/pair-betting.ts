import { logSumExp } from '../special/log-sum-exp.ts';

const bets: readonly number[] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];

/** Capped pair betting on a mean (3.4): ln wealth of each bet; plain JSON. */
export type PairBetting = { readonly cap: number; readonly logWealth: readonly number[]; readonly pairs: number; readonly maxLogE: number };

/** Begins the test "the experiment's capped mean is not larger". `cap` is fixed before the data: the warm-up's p99. */
export function beginPairBetting(cap: number): PairBetting {
  if (!(cap > 0 && Number.isFinite(cap)))
    throw new RangeError(`cap is ${cap}; give the value above which values count as the cap, a positive number`);
  return { cap, logWealth: bets.map(() => 0), pairs: 0, maxLogE: 0 };
}

/** One block further: the i-th value of each arm make a pair; what has no partner is left out. Exact when the arms are exchangeable. */
export function stepPairBetting(state: PairBetting, experiment: readonly number[], control: readonly number[]): PairBetting {
  const pairs = Math.min(experiment.length, control.length);
  const logWealth = [...state.logWealth];
  for (let i = 0; i < pairs; i++) {
    const d = (Math.min(experiment[i] as number, state.cap) - Math.min(control[i] as number, state.cap)) / state.cap;
    if (!(d >= -1 && d <= 1)) throw new RangeError(`pair ${i}: ${experiment[i]} and ${control[i]} must be numbers of at least 0`);
    bets.forEach((bet, k) => {
      logWealth[k] = (logWealth[k] as number) + Math.log1p(bet * d);
    });
  }
  const next = { ...state, logWealth, pairs: state.pairs + pairs };
  return { ...next, maxLogE: Math.max(state.maxLogE, pairBettingLogE(next)) };
}

/** ln of the mean wealth over the bets: an e-process. */
export function pairBettingLogE(state: PairBetting): number {
  return logSumExp(state.logWealth) - Math.log(bets.length);
}
