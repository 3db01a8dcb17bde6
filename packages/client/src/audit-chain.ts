import { createHash } from 'node:crypto';
import type { AuditEntry, AuditHead } from '@haldane/core';

export type ChainCheck = {
  readonly entries: number;
  readonly head: AuditHead;
  /** The first thing that is wrong, in words; null when every byte is as it was written. */
  readonly wrong: string | null;
};

/** The hash that an entry must have: SHA-256 (hex) over what stood before it and its own number, time and words, a line each. */
export function hashOfEntry({ prev, seq, at, body }: Omit<AuditEntry, 'hash'>): string {
  return createHash('sha256').update(`${prev}\n${seq}\n${at}\n${body}`).digest('hex');
}

/**
 * Checks a whole audit log, oldest first, against itself and against heads that were published outside the database: a changed byte
 * breaks a hash, a missing entry breaks the numbers, and a tail that was cut off or a chain that was computed anew does not fit a head.
 */
export async function checkChain(entries: AsyncIterable<AuditEntry>, published: readonly AuditHead[]): Promise<ChainCheck> {
  const heads = new Map<number, Set<string>>();
  for (const { seq, hash } of published) heads.set(seq, (heads.get(seq) ?? new Set()).add(hash));
  let head: AuditHead = { seq: 0, hash: '0'.repeat(64) };
  const found = (wrong: string | null): ChainCheck => ({ entries: head.seq, head, wrong });
  for await (const entry of entries) {
    if (entry.seq !== head.seq + 1) return found(`entry ${head.seq + 1} is missing: after ${head.seq} comes ${entry.seq}`);
    if (entry.prev !== head.hash) return found(`entry ${entry.seq} does not stand on entry ${head.seq}: its prev is not that entry's hash`);
    if (entry.hash !== hashOfEntry(entry)) return found(`entry ${entry.seq} was changed: its hash is not that of its words`);
    const said = heads.get(entry.seq);
    if (said !== undefined && !(said.size === 1 && said.has(entry.hash)))
      return found(`entry ${entry.seq} is not the one that was published outside the database: the chain was made anew`);
    heads.delete(entry.seq);
    head = { seq: entry.seq, hash: entry.hash };
  }
  const beyond = [...heads.keys()].sort((a, b) => a - b)[0];
  return found(beyond === undefined ? null : `the log ends at entry ${head.seq}, but entry ${beyond} was published: its tail is gone`);
}
