import { createHash } from 'node:crypto';
import { askGit } from '../ask-git.ts';

/** What is checked out: the commit, and a hash of what differs from it when something does. */
export type GitRevision = { readonly commit: string; readonly dirty: string | null };

/**
 * The git revision of a folder: `git rev-parse HEAD`, and a short hash of the difference when tracked files were changed.
 * Null when there is no git, no repository or no commit: never a guess. Reads only; takes no lock.
 */
export async function gitRevision(folder: string, signal: AbortSignal): Promise<GitRevision | null> {
  const commit = await askGit(folder, ['rev-parse', '--verify', 'HEAD'], signal);
  if (commit === null) return null;
  const changes = await askGit(folder, ['diff', '--no-ext-diff', '--no-textconv', '--binary', 'HEAD'], signal);
  if (changes === null) return { commit: commit.trim(), dirty: 'unknown' };
  return { commit: commit.trim(), dirty: changes === '' ? null : createHash('sha256').update(changes).digest('hex').slice(0, 8) };
}
