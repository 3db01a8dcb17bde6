import type { Arm } from '@haldane/core';
import type { Tags } from './aws-calls.ts';

/** The run that a resource belongs to, its arm, and until when (ISO 8601): enough to sweep it without a database. `revision`: production's, which a group's own template was made from. `optIn`: scenarios, by id, that the owner of a resource lets twins of it be made for. */
export const tagNames = {
  run: 'haldane:run',
  arm: 'haldane:arm',
  expires: 'haldane:expires',
  revision: 'haldane:revision',
  optIn: 'haldane:opt-in',
} as const;

export function ourTags(runId: string, arm: Arm, expires: number): Tags {
  return { [tagNames.run]: runId, [tagNames.arm]: arm, [tagNames.expires]: expiry(expires) };
}

/** Whether the tags of a resource say that twins of it may be made for this scenario. */
export function isOptedIn(tags: Tags, scenario: string): boolean {
  return (tags[tagNames.optIn] ?? '').split(/\s+/).includes(scenario);
}

/**
 * In words, what a twin lacks of the tags of its original: all of them. By a tag a controller chooses what it gives to new instances, and no list of
 * such tags is ever whole.
 */
export function withoutTags(tags: Tags): readonly string[] {
  const theirs = Object.keys(tags).filter((key) => !key.startsWith('haldane:'));
  return theirs.length === 0 ? [] : [`it is without its tags (${theirs.sort().join(', ')}), for others choose by tags what they use`];
}

export function expiry(at: number): string {
  return new Date(at).toISOString();
}
