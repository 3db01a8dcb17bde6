import { readFile } from 'node:fs/promises';
import { type ConformanceCase, runCases } from './run-cases.ts';

/** `conformance statistics FILE.json`: a line a case, `N passed, N failed` last, exit 1 on any failure, 2 when there is nothing to run. */
async function main(words: readonly string[]): Promise<number> {
  const files = words[0] === 'statistics' ? words.slice(1) : words;
  const file = files[0];
  if (file === undefined || files.length > 1) {
    process.stderr.write('usage: conformance statistics FILE.json\n');
    return 2;
  }
  let cases: unknown;
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'));
    cases = Array.isArray(content) ? content : (content as { cases?: unknown }).cases;
  } catch (error) {
    process.stderr.write(`${file} could not be read: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  if (!Array.isArray(cases) || cases.length === 0) {
    process.stderr.write(`${file} holds no cases; it should be {"cases": [{id, formula, inputs, expected, rel_tol, abs_tol}, ...]}\n`);
    return 2;
  }
  const results = runCases(cases as ConformanceCase[]);
  for (const { id, formula, problem } of results)
    process.stdout.write(`${problem === null ? 'ok    ' : 'FAILED'} ${id} ${formula}${problem === null ? '' : `: ${problem}`}\n`);
  const failed = results.filter((result) => result.problem !== null).length;
  process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
