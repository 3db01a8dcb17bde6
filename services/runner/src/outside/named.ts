import type { ServiceRef } from '@haldane/core';

/** A text of a check with the run's service and environment where it says `{service}` and `{environment}`. */
export function named(text: string, { service, environment }: ServiceRef, write: (name: string) => string = (name) => name): string {
  return text.replaceAll('{service}', () => write(service)).replaceAll('{environment}', () => write(environment));
}
