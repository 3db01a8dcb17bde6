import { HaldaneError } from '@haldane/core';
import { askGit } from '../ask-git.ts';

export type RepositoryOptions = {
  /** Where it is checked out, or a bare clone of it. */
  readonly folder: string;
  /** What of it the service is made of: folders and files from its root; all of it when there is none. */
  readonly paths?: readonly string[];
};

/** A path that differs between two commits, and at which of them it is there. */
export type ChangedPath = { readonly path: string; readonly before: boolean; readonly after: boolean };

/** A large repository is laid out for minutes, filters and all. */
const layOutWithinMs = 600_000;

const hash = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** A git repository, read and never written. Names are resolved first; commands get whole hashes only, so that no name is an option. */
export class Repository {
  readonly #folder: string;
  readonly #pathspecs: readonly string[];

  /** Throws `bad-request` when there is none in the folder, or git will not read it. */
  static async open({ folder, paths = [] }: RepositoryOptions, signal: AbortSignal): Promise<Repository> {
    const isBare = (await askGit(folder, ['rev-parse', '--is-bare-repository'], signal))?.trim() === 'true';
    const top = await askGit(folder, ['rev-parse', isBare ? '--absolute-git-dir' : '--show-toplevel'], signal);
    if (top === null)
      throw new HaldaneError('bad-request', `--repository: git reads no repository in ${folder}; \`git -C ${folder} status\` says why`);
    return new Repository(top.replace(/\n$/, ''), paths);
  }

  private constructor(folder: string, paths: readonly string[]) {
    this.#folder = folder;
    this.#pathspecs = paths.map((path) => `:(top,literal)${path}`);
  }

  /** The commit that a person or a pipeline names: a hash, a tag, a branch, HEAD. Throws `not-found`. */
  async commit(name: string, signal: AbortSignal): Promise<string> {
    const found = await this.#resolved(name, signal);
    if (found === null)
      throw new HaldaneError('not-found', `there is no commit "${name}" in ${this.#folder}; fetch it (a shallow clone lacks older ones)`);
    return found;
  }

  /** The commit of a revision that was written down earlier: only what does not move, a hash or a tag. Null when there is none here. */
  async recorded(revision: string, signal: AbortSignal): Promise<string | null> {
    return this.#resolved(/^[0-9a-f]{7,64}$/.test(revision) ? revision : `refs/tags/${revision}`, signal);
  }

  /** What a revision is called in records: a tag by its name, anything else, which may move or be short, by its whole hash. Throws `not-found`. */
  async nameOf(name: string, signal: AbortSignal): Promise<string> {
    const commit = await this.commit(name, signal);
    return (await this.#resolved(`refs/tags/${name}`, signal)) === commit ? name : commit;
  }

  /** Commits after `good` up to `bad`, oldest first, along first parents: the mainline. Throws `bad-request` unless one leads to the other. */
  async between(good: string, bad: string, signal: AbortSignal): Promise<readonly string[]> {
    const out = await this.#git(['rev-list', '--first-parent', '--reverse', `${good}..${bad}`], signal);
    const line = await this.#git(['rev-list', '--first-parent', bad], signal);
    if (out === null || line === null || !line.split('\n').includes(good))
      throw new HaldaneError('bad-request', `${good} is not on the way to ${bad} along first parents; name two commits of one branch`);
    return out.split('\n').filter((one) => one !== '');
  }

  /** Paths that differ between two commits, moved ones under both names. Null when git cannot say. */
  async changed(from: string, to: string, signal: AbortSignal): Promise<readonly ChangedPath[] | null> {
    const args = ['diff-tree', '-r', '--no-renames', '--no-ext-diff', '--no-textconv', '--name-status', '-z', from, to, '--'];
    const out = await this.#git([...args, ...this.#pathspecs], signal);
    if (out === null) return null;
    // A letter, then its path: A where it came, D where it went, any other where it is at both.
    return [...out.matchAll(/(\w)\0([^\0]+)\0/g)].map(([, letter, path = '']) => ({ path, before: letter !== 'A', after: letter !== 'D' }));
  }

  /** A file's text at a commit; null when git does not give it, for whatever reason: that it is not there is for `changed` to say. */
  async text(commit: string, path: string, signal: AbortSignal): Promise<string | null> {
    return this.#git(['cat-file', 'blob', `${commit}:${path}`], signal);
  }

  /** The first line of what was said with a commit. */
  async subject(commit: string, signal: AbortSignal): Promise<string> {
    return ((await this.#git(['log', '-1', '--format=%s', commit, '--'], signal)) ?? '').replace(/\p{Cc}+/gu, ' ').trim();
  }

  /** Lays a commit's files out in a new folder, a clone of its own that shares nothing but history. Throws `unavailable`. */
  async checkOut(commit: string, into: string, signal: AbortSignal): Promise<void> {
    const cloned = await this.#git(['clone', '--quiet', '--shared', '--no-checkout', '--', this.#folder, into], signal);
    const done = cloned === null ? null : await askGit(into, ['checkout', '--quiet', '--detach', commit, '--'], signal, layOutWithinMs);
    if (done === null) throw new HaldaneError('unavailable', `git could not lay ${commit} out in ${into}`);
  }

  /** Where it is checked out: its root; or the bare clone itself. */
  get folder(): string {
    return this.#folder;
  }

  async #resolved(name: string, signal: AbortSignal): Promise<string | null> {
    // Neither an option nor more than one commit.
    if (name === '' || name.startsWith('-') || /[\0\n]|\.\./.test(name)) return null;
    const out = (await this.#git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`], signal))?.trim() ?? '';
    return hash.test(out) ? out : null;
  }

  #git(args: readonly string[], signal: AbortSignal): Promise<string | null> {
    return askGit(this.#folder, args, signal);
  }
}
