import type { Arm } from '@haldane/core';
import type { Tags } from './aws-calls.ts';

/** The run that a resource belongs to, its arm, and until when (ISO 8601): enough to sweep it without a database. `revision`: production's, which a group's own template was made from. */
export const tagNames = { run: 'haldane:run', arm: 'haldane:arm', expires: 'haldane:expires', revision: 'haldane:revision' } as const;

export function ourTags(runId: string, arm: Arm, expires: number): Tags {
  return { [tagNames.run]: runId, [tagNames.arm]: arm, [tagNames.expires]: expiry(expires) };
}

export function expiry(at: number): string {
  return new Date(at).toISOString();
}
