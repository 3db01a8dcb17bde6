import type { Check } from '@haldane/core';

/**
 * What else happened around the run, in words: a deploy, an incident, another run, instances that came or went, or that nobody could say. Null
 * when nothing did. What differs then may not be the fault's doing; only a door that was seen open stays what it is.
 */
export function disturbedBy(checks: readonly Check[]): string | null {
  return checks.find(({ name, passed }) => name === 'interference' && !passed)?.seen ?? null;
}
