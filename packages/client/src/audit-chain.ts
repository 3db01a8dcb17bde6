import { createHash } from 'node:crypto';
import type { AuditEntry, AuditExcerpt, AuditHead } from '@haldane/core';

export type ChainCheck = {
  readonly entries: number;
  readonly head: AuditHead;
  /** The first thing that is wrong, in words; null when every byte is as it was written. */
  readonly wrong: string | null;
};

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function chained(prev: string, { seq, at }: Pick<AuditEntry, 'seq' | 'at'>, words: string): string {
  return sha256(`${prev}\n${seq}\n${at}\n${words}`);
}

/**
 * Whether an entry has the hash that follows from what stood before it, its number, its time and its words. An old one is hashed over the words' own text:
 * an act in JSON, for a digest in the place of words that were erased would have that hash, too.
 */
function isAsWritten(entry: AuditEntry): boolean {
  const { prev, body, hash } = entry;
  return hash === chained(prev, entry, sha256(body)) || (body.startsWith('{') && hash === chained(prev, entry, body));
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
    if (!isAsWritten(entry)) return found(`entry ${entry.seq} was changed: its hash is not that of its words`);
    const said = heads.get(entry.seq);
    if (said !== undefined && !(said.size === 1 && said.has(entry.hash)))
      return found(`entry ${entry.seq} is not the one that was published outside the database: the chain was made anew`);
    heads.delete(entry.seq);
    head = { seq: entry.seq, hash: entry.hash };
  }
  const beyond = [...heads.keys()].sort((a, b) => a - b)[0];
  return found(beyond === undefined ? null : `the log ends at entry ${head.seq}, but entry ${beyond} was published: its tail is gone`);
}

/**
 * Checks a part of the log by itself and against heads that were published: each entry stands on the one before, also where its words are
 * left out, and whole ones are as they were written. Returns what is wrong, in words, or null. The first has nothing to stand on here: only
 * a whole one, or a published head, says what it is.
 */
export function checkExcerpt(excerpt: AuditExcerpt, published: readonly AuditHead[] = []): string | null {
  let before: AuditHead | null = null;
  for (const entry of excerpt) {
    const { seq, hash } = entry;
    if (before !== null && seq !== before.seq + 1) return `after audit entry ${before.seq} comes ${seq}`;
    if ('body' in entry) {
      if (before !== null && entry.prev !== before.hash) return `audit entry ${seq} does not stand on the one before`;
      if (!isAsWritten(entry)) return `audit entry ${seq} was changed: its hash is not that of its words`;
    } else if (before !== null && entry.digest !== null && hash !== chained(before.hash, entry, entry.digest))
      return `audit entry ${seq} does not stand on the one before`;
    if (published.some((head) => head.seq === seq && head.hash !== hash))
      return `audit entry ${seq} is not the one that was published outside the database`;
    before = entry;
  }
  return null;
}
