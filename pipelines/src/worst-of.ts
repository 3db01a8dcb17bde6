import type { StageStatus } from '@haldane/client';

/** What counts of several, the first of them: whoever reads one word is to read that. */
const worstFirst: readonly StageStatus[] = ['NOT_RESTORED', 'ABORTED', 'REFUSED', 'VULNERABLE', 'INVALID', 'INCONCLUSIVE', 'PASSED'];

/** The worst of several experiments; undefined when there is none. */
export function worstOf<A extends { readonly status: StageStatus }>(answers: readonly A[]): A | undefined {
  return [...answers].sort((a, b) => worstFirst.indexOf(a.status) - worstFirst.indexOf(b.status))[0];
}
