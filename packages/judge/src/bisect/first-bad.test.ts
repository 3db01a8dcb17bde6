import fc from 'fast-check';
import { test } from 'tap';
import { type BisectAnswer, type BisectStep, firstBad } from './first-bad.ts';

/** Bisects a line whose places from `flaw` on are bad, as `says` answers for each asking. */
function bisect(last: number, from: number, says: (at: number, times: number) => Omit<BisectAnswer, 'at'>) {
  const answers: BisectAnswer[] = [];
  for (;;) {
    const step = firstBad(last, from, answers);
    if (step.do === 'end') return { ...step, asked: answers.map(({ at }) => at) };
    if (answers.length > 10 * (last + 2)) throw new Error('it never ends');
    answers.push({ at: step.at, ...says(step.at, answers.filter(({ at }) => at === step.at).length) });
  }
}
const truth =
  (flaw: number, proven = false) =>
  (at: number) =>
    ({ says: at >= flaw ? 'bad' : 'good', proven: at >= flaw && proven }) as const;
const holds = ({ first, after, until }: Extract<BisectStep, { do: 'end' }>, flaw: number) =>
  (first === null || first === flaw) && after < flaw && flaw <= until;

test('the first bad revision is found wherever it is, with few runs, and none before the migration', (t) => {
  for (let last = 1; last <= 40; last += 1)
    for (let flaw = 1; flaw <= last; flaw += 1) {
      const found = bisect(last, 0, truth(flaw));
      if (found.first !== flaw) t.fail(`${flaw} of ${last}: ${JSON.stringify(found)}`);
      if (found.asked.length > 4 + Math.ceil(Math.log2(last))) t.fail(`${found.asked.length} runs for ${last}`);
      for (let from = 0; from <= last; from += 1) {
        const behind = bisect(last, from, truth(flaw, true));
        const named = flaw > from || from === 0;
        if (behind.asked.some((at) => at < from) || !holds(behind, flaw) || (behind.first !== null) !== named)
          t.fail(`${flaw} of ${last} from ${from}: ${JSON.stringify(behind)}`);
      }
    }
  t.match(bisect(8, 0, truth(3, true)), { asked: [8, 0, 4, 2, 3, 2] }, 'what is proven needs no second run');
  t.match(bisect(4, 2, truth(1)), { first: null, after: 0, until: 2, why: /before the migration cannot be run/ });
  t.match(bisect(4, 0, truth(0)), { first: null, why: /the good revision is bad too/ });
  t.match(bisect(4, 0, truth(9)), { first: null, after: 0, until: 4, why: /the bad revision is good, here/ });
  t.end();
});

test('without an answer, or with one that a second run takes back, it says a range that holds the flaw and never a wrong name', (t) => {
  const line = fc.integer({ min: 1, max: 25 }).chain((last) => fc.tuple(fc.constant(last), fc.integer({ min: 1, max: last })));
  fc.assert(
    fc.property(line, fc.array(fc.constantFrom('right', 'none'), { minLength: 100, maxLength: 100 }), ([last, flaw], fates) => {
      let n = 0;
      const found = bisect(last, 0, (at) => (fates[n++] === 'none' ? { says: 'unknown', proven: false } : truth(flaw)(at)));
      return holds(found, flaw);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(line, fc.array(fc.nat(25), { maxLength: 3 }), ([last, flaw], liars) => {
      const found = bisect(last, 0, (at, times) => {
        const right = truth(flaw)(at);
        if (times > 0 || !liars.includes(at)) return right;
        return { says: right.says === 'bad' ? 'good' : 'bad', proven: false };
      });
      return found.first === null || found.first === flaw;
    }),
    { numRuns: 500 },
  );
  const never = bisect(8, 0, (at) => (at > 3 && at < 6 ? { says: 'unknown', proven: false } : truth(5)(at)));
  t.match(never, { first: null, after: 3, until: 6, why: /no answer between/ });
  t.end();
});
