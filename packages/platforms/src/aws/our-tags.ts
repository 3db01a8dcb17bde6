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

export function expiry(at: number): string {
  return new Date(at).toISOString();
}
