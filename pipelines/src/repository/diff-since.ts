import type { DiffSince, Touch, Touched } from '@haldane/core';
import type { ChangedPath, Repository } from './repository.ts';
import { touchOfPath } from './touch-of-path.ts';
import { type Seen, touchesOfText } from './touches-of-text.ts';

/** So many files are opened; of a diff with more of them nobody can tell. */
const mostRead = 200;
const mostSaid = 5;
const longest = 300;

/**
 * What of the service differs between a revision that was written down earlier and a commit. `touched` is null when the repository does not
 * hold that revision, or git cannot say.
 */
export async function diffSince(repository: Repository, since: string, to: string, signal: AbortSignal): Promise<DiffSince> {
  const from = await repository.recorded(since, signal);
  const paths = from === null ? null : await repository.changed(from, to, signal);
  if (from === null || paths === null) return { since, touched: null };
  const seen: Seen[] = [];
  let toRead = mostRead;
  for (const path of paths) seen.push(...(await seenIn(path, from)));
  return { since, touched: together(seen) };

  async function seenIn({ path, before, after }: ChangedPath, commit: string): Promise<readonly Seen[]> {
    const says = touchOfPath(path);
    if (says === null) return [];
    if (says !== 'read') return [{ touch: says, says: path }];
    const unknown: readonly Seen[] = [{ touch: 'unknown', says: path }];
    toRead -= 1;
    if (toRead < 0) return unknown;
    const [was, is] = await Promise.all([
      before ? repository.text(commit, path, signal) : null,
      after ? repository.text(to, path, signal) : null,
    ]);
    // A text that is there and cannot be had may speak of anything.
    if ((before && was === null) || (after && is === null)) return unknown;
    return touchesOfText(path, was, is) ?? unknown;
  }
}

function together(seen: readonly Seen[]): readonly Touched[] {
  const by = new Map<Touch, string[]>();
  for (const { touch, says } of seen) by.set(touch, [...(by.get(touch) ?? []), says]);
  return [...by].map(([touch, all]) => ({
    touch,
    count: all.length,
    says: all.slice(0, mostSaid).map((one) => one.replace(/\p{Cc}/gu, '?').slice(0, longest)),
  }));
}
