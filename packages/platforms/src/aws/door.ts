import type { JsonObject } from '@haldane/core';
import type { Rule } from './aws-calls.ts';

/** What a synthetic request carries to enter an arm. Its value is the run's own secret and stands nowhere but in the rule. */
export const doorHeader = 'x-haldane-arm';

/** From an address that is reserved for documentation (RFC 5737), nobody comes. */
export const shut: readonly JsonObject[] = [{ Field: 'source-ip', SourceIpConfig: { Values: ['192.0.2.1/32'] } }];

export function openTo(secret: string): readonly JsonObject[] {
  return [{ Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: doorHeader, Values: [secret] } }];
}

/** The secret that opens the door; null while it is shut. */
export function secretOf({ conditions }: Rule): string | null {
  for (const condition of conditions) {
    const header = condition['HttpHeaderConfig'] as JsonObject | undefined;
    const [secret] = (header?.['Values'] as readonly string[] | undefined) ?? [];
    if (header?.['HttpHeaderName'] === doorHeader && secret !== undefined) return secret;
  }
  return null;
}
