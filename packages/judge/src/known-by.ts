import type { Block, Evidence } from '@haldane/core';

/** What had been seen by the end of a block: what the judge was shown beside it. */
export function knownBy(block: Block, { checks, accepts }: Evidence): Pick<Evidence, 'checks' | 'accepts'> {
  const until = (block.at + 1) * 1000;
  return { checks: checks.filter(({ at }) => at <= until), accepts: accepts.filter(({ at }) => at <= until) };
}
