import type { Check } from '@haldane/core';

/** The last look at something decides; null when nobody looked. */
export function lastCheck(checks: readonly Check[], name: Check['name']): Check | null {
  return checks.filter((check) => check.name === name).at(-1) ?? null;
}

/** Whether a check failed only because who was asked gave no answer: it then says nothing either way. */
export function isUnasked(check: Check): boolean {
  return !check.passed && check.seen.includes('could not be asked');
}
