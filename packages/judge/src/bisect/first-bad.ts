/** What a run said of the revision at this place of the line. `proven`: bad on evidence that may hold a deploy, and so not by chance. */
export type BisectAnswer = { readonly at: number; readonly says: 'good' | 'bad' | 'unknown'; readonly proven: boolean };

/** What to do next, or what is known in the end: the flaw came in after `after`, not after `until`, and, where that is certain, with `first`. */
export type BisectStep =
  | { readonly do: 'ask'; readonly at: number }
  | { readonly do: 'end'; readonly first: number | null; readonly after: number; readonly until: number; readonly why: string };

/** An answer may fail to come so often at one revision before it is passed over. */
const mostTries = 2;

/**
 * Looks for the first bad revision of a line whose place 0 is said to be good and whose last place is said to be bad. Pure: the next step
 * follows from the answers so far. Both ends are asked too, for what was said of them may not hold here. Revisions before `from` cannot be
 * run, but for what lies behind a migration. One is named only when it is bad twice, or proven, and the one before it good twice; revisions that
 * contradict themselves or the line end in a range, and so do those without an answer between the two.
 */
export function firstBad(last: number, from: number, answers: readonly BisectAnswer[]): BisectStep {
  const tally = tallyOf(answers);
  const { good, bad, lowestBad, highestGood, passed } = tally;
  const range = (why: string): BisectStep => ({ do: 'end', first: null, ...tally.within(last), why });
  if (good.includes(last)) return range('the bad revision is good, here');
  if (highestGood >= lowestBad) return range('the answers contradict each other: this flaw does not show every time');
  if (lowestBad === 0) return range('the good revision is bad too, here');
  if (bad.length === 0) return passed(last) ? range('there is no answer at the bad revision') : { do: 'ask', at: last };
  // Behind a migration nothing can be run: the lowest that can is asked in place of the good one, and may itself be bad.
  if (good.length === 0 && lowestBad > from && !passed(from)) return { do: 'ask', at: from };
  const low = good.length === 0 ? Math.max(0, from - 1) : highestGood;
  const open = Array.from({ length: lowestBad - low - 1 }, (_, i) => low + 1 + i).filter((at) => at >= from && !passed(at));
  const middle = (low + lowestBad) / 2;
  const next = open.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
  return next !== undefined ? { do: 'ask', at: next } : (confirming(low, tally) ?? ending(low, from, tally, range));
}

type Tally = ReturnType<typeof tallyOf>;

function tallyOf(answers: readonly BisectAnswer[]) {
  const of = (at: number, says: BisectAnswer['says']) => answers.filter((one) => one.at === at && one.says === says).length;
  const places = (says: BisectAnswer['says']) => [...new Set(answers.filter((one) => one.says === says).map(({ at }) => at))];
  const [good, bad] = [places('good'), places('bad')];
  const [lowestBad, highestGood] = [Math.min(...bad), Math.max(...good)];
  const surelyBad = (at: number) => of(at, 'bad') >= 2 || answers.some((one) => one.at === at && one.says === 'bad' && one.proven);
  const surelyGood = (at: number) => of(at, 'good') >= 2;
  return {
    good,
    bad,
    lowestBad,
    highestGood,
    surelyBad,
    surelyGood,
    passed: (at: number) => of(at, 'unknown') >= mostTries,
    /** What is sure, whatever became of the rest. */
    within: (last: number) => ({
      after: Math.max(0, ...good.filter((at) => surelyGood(at) && at < lowestBad)),
      until: Math.min(last, ...bad.filter((at) => surelyBad(at) && at > highestGood)),
    }),
  };
}

/** The two that the name rests on are asked again, unless they are sure or have no more to say. */
function confirming(low: number, { good, lowestBad, surelyBad, surelyGood, passed }: Tally): BisectStep | null {
  if (!surelyBad(lowestBad) && !passed(lowestBad)) return { do: 'ask', at: lowestBad };
  if (good.length > 0 && !surelyGood(low) && !passed(low)) return { do: 'ask', at: low };
  return null;
}

function ending(
  low: number,
  from: number,
  { good, lowestBad, surelyBad, surelyGood }: Tally,
  range: (why: string) => BisectStep,
): BisectStep {
  if (good.length === 0) return range(from > 0 ? 'what is before the migration cannot be run' : 'there is no answer at the good revision');
  if (!surelyBad(lowestBad) || !surelyGood(low)) return range('what was seen once could not be confirmed');
  if (lowestBad > low + 1) return range('there is no answer between the two');
  return { do: 'end', first: lowestBad, after: low, until: lowestBad, why: 'it is bad, and the one before it good' };
}
