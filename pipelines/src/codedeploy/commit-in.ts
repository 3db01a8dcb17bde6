import type { CommitRule } from './codedeploy-settings.ts';

/** The commit in a text that is as the rule says; null when it is not. */
export function commitIn(text: string, like: CommitRule['like']): string | null {
  const pattern = like
    .split(/(\*|\{commit\})/)
    .map((part) =>
      part === '*'
        ? '.*?'
        : part === '{commit}'
          ? '(?<![0-9A-Za-z])([0-9a-f]{7,64})(?![0-9A-Za-z])'
          : part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${pattern}$`, 's').exec(text)?.[1] ?? null;
}
