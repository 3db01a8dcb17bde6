import type { Run } from '@haldane/core';

/** What each build must get, and so when the tour is a success. */
export type Expected = {
  readonly verdict: NonNullable<Run['facts']['verdict']>['verdict'];
  readonly stop?: NonNullable<Run['stop']>['reason'];
  readonly held?: 'yes' | 'no' | 'unknown';
  readonly served?: 'yes' | 'no' | 'unknown';
  readonly noticed?: 'yes' | 'no' | 'unknown';
  readonly because?: RegExp;
};

/** What is not as expected, in words; empty when all of it is. */
export function differences(run: Run, expected: Expected): readonly string[] {
  const { verdict, restored } = run.facts;
  const found: string[] = [];
  const compare = (what: string, wanted: string | undefined, got: string | undefined) => {
    if (wanted !== undefined && wanted !== got) found.push(`${what} should be ${wanted}, is ${got ?? 'nothing'}`);
  };
  compare('the verdict', expected.verdict, verdict?.verdict);
  compare('the stop reason', expected.stop, run.stop?.reason);
  compare('held', expected.held, verdict?.held.mark);
  compare('served', expected.served, verdict?.served.mark);
  compare('noticed', expected.noticed, verdict?.noticed.mark);
  if (expected.because !== undefined && !expected.because.test([verdict?.headline ?? '', ...(verdict?.reasons ?? [])].join('\n')))
    found.push(`the reasons should say ${String(expected.because)}: ${verdict?.headline ?? 'nothing'}`);
  if (restored?.clean !== true) found.push(`everything should be put back; not back: ${restored?.stuck.join('; ') ?? 'unknown'}`);
  return found;
}
