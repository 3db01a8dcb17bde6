import type { ServiceRef } from '@haldane/core';
import { type RawBuilder, sql } from 'kysely';

/** The condition that a row's service and environment are among these. */
export function among(services: readonly ServiceRef[]): RawBuilder<boolean> {
  const names = services.map((one) => one.service);
  const environments = services.map((one) => one.environment);
  return sql<boolean>`(service, environment) in (select * from unnest(${names}::text[], ${environments}::text[]))`;
}
