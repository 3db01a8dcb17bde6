import { hasCode, isBack, type Run } from '@haldane/core';

/** What the command line's exit status means. The first that fits, in this order. */
export const exitCodes = {
  notRestored: 6,
  usage: 2,
  refused: 5,
  invalid: 4,
  vulnerable: 1,
  inconclusive: 3,
  resilient: 0,
} as const;

/** The exit status of a run that has ended. */
export function exitCodeOf(run: Pick<Run, 'stop' | 'facts'>): number {
  const { verdict } = run.facts;
  if (isBack(run.facts) === false) return exitCodes.notRestored;
  if (run.stop?.reason === 'refused') return exitCodes.refused;
  switch (verdict?.verdict) {
    case 'invalid':
      return exitCodes.invalid;
    case 'vulnerable':
      return exitCodes.vulnerable;
    case 'resilient':
      return exitCodes.resilient;
    case 'inconclusive':
    case undefined:
      return exitCodes.inconclusive;
  }
}

/** The exit status of a command that threw. What we cannot name is inconclusive, never a pass. */
export function exitCodeOfError(error: unknown): number {
  if (['bad-document', 'bad-request', 'unknown-id', 'not-found'].some((code) => hasCode(error, code as 'bad-document')))
    return exitCodes.usage;
  if (
    ['refused', 'service-taken', 'stack-running', 'unauthorised', 'forbidden', 'halted'].some((code) => hasCode(error, code as 'refused'))
  )
    return exitCodes.refused;
  if (hasCode(error, 'not-restored')) return exitCodes.notRestored;
  return exitCodes.inconclusive;
}
