import { readFile } from 'node:fs/promises';
import { test } from 'tap';
import { disagreement } from './agrees.ts';
import { type ConformanceCase, runCases } from './run-cases.ts';

for (const [file, least] of [
  ['statistics-golden.json', 85],
  ['edges.json', 231],
] as const) {
  test(`every case of ${file} is met within its own tolerance`, async (t) => {
    const { cases } = JSON.parse(await readFile(new URL(`../../golden/${file}`, import.meta.url), 'utf8')) as { cases: ConformanceCase[] };
    t.ok(cases.length >= least, `${cases.length} cases`);
    for (const { id, formula, problem } of runCases(cases)) t.equal(problem, null, `${id} ${formula}`);
  });
}

test('a wrong number, a missing one, an unknown formula and a bad input each fail their case', async (t) => {
  const right = {
    id: 'a',
    formula: 'zero_events_ucb',
    inputs: { n: 10, alpha: 0.05 },
    expected: 1 - 0.05 ** 0.1,
    rel_tol: 1e-12,
    abs_tol: 0,
  };
  const results = runCases([
    right,
    { ...right, id: 'b', expected: 0.3 },
    { ...right, id: 'c', expected: { value: 0.25 } },
    { ...right, id: 'd', formula: 'no_such_formula' },
    { ...right, id: 'e', inputs: { n: 'ten', alpha: 0.05 } },
  ]);
  t.same(
    results.map(({ id, problem }) => [id, problem === null]),
    [
      ['a', true],
      ['b', false],
      ['c', false],
      ['d', false],
      ['e', false],
    ],
  );
  t.match(results[3]?.problem ?? '', /no formula "no_such_formula"; known: .*zero_events_ucb/);
  t.match(results[4]?.problem ?? '', /inputs.n is "ten"/);
});

test('comparison goes into lists and objects, and null stands for infinity', async (t) => {
  t.equal(disagreement({ a: [1, 2] }, { a: [1, 2.0000001] }, 1e-6, 0), null);
  t.match(disagreement({ a: [1, 2] }, { a: [1, 3] }, 1e-6, 0) ?? '', /value.a\[1\]: got 2, expected 3/);
  t.match(disagreement([1], [1, 2], 0, 0) ?? '', /expected 2 values/);
  t.equal(disagreement(Number.POSITIVE_INFINITY, null, 0, 0), null);
  t.equal(disagreement(Number.POSITIVE_INFINITY, 'Infinity', 0, 0), null);
  t.not(disagreement(Number.NaN, 1, 1, 1), null);
  t.not(disagreement(undefined, 1, 1, 1), null);
});
