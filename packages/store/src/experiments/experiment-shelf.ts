import { createHash } from 'node:crypto';
import { canonicalJson, type ExperimentSpec, type ServiceRef } from '@haldane/core';
import { type Selectable, sql } from 'kysely';
import { among } from '../among.ts';
import type { Database, ExperimentsTable } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

/** An experiment as it was run; the same text is the same version. */
export type KeptExperiment = ServiceRef & {
  readonly name: string;
  readonly version: number;
  /** SHA-256 (hex) of the spec as canonical JSON. */
  readonly digest: string;
  readonly keptBy: string;
  readonly keptAt: number;
  readonly spec: ExperimentSpec;
};

/** Every version of every experiment that was ever run. */
export interface ExperimentShelf {
  /** Keeps it as the next version, unless this very text is there already: then that one. */
  keep(spec: ExperimentSpec, by: string): Promise<KeptExperiment>;
  /** The newest version of each experiment, of these services only. */
  newest(of: readonly ServiceRef[]): Promise<readonly KeptExperiment[]>;
  /** All versions of one, newest first. */
  versions(service: ServiceRef, name: string): Promise<readonly KeptExperiment[]>;
}

type Row = Selectable<ExperimentsTable>;

/** The shelf on PostgreSQL. */
export class PostgresExperimentShelf implements ExperimentShelf {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async keep(spec: ExperimentSpec, by: string): Promise<KeptExperiment> {
    const digest = createHash('sha256').update(canonicalJson(spec)).digest('hex');
    return translated('keeping an experiment', async () => {
      // Two that keep at the same moment may count alike: the one that loses the number counts again.
      for (;;) {
        await sql`
          insert into experiments (service, environment, name, version, digest, spec, kept_by)
          select ${spec.service}, ${spec.environment}, ${spec.name}, coalesce(max(version), 0) + 1, ${digest}, ${JSON.stringify(spec)}::json, ${storable(by)}
          from experiments where service = ${spec.service} and environment = ${spec.environment} and name = ${spec.name}
          on conflict do nothing`.execute(this.#db);
        const kept = (await this.versions(spec, spec.name)).find((one) => one.digest === digest);
        if (kept) return kept;
      }
    });
  }

  async newest(of: readonly ServiceRef[]): Promise<readonly KeptExperiment[]> {
    return translated('listing experiments', async () => {
      const { rows } = await sql<Row>`
        select distinct on (service, environment, name) * from experiments
        where ${among(of)}
        order by service, environment, name, version desc`.execute(this.#db);
      return rows.map(keptOf);
    });
  }

  async versions({ service, environment }: ServiceRef, name: string): Promise<readonly KeptExperiment[]> {
    return translated('reading an experiment', async () => {
      const { rows } = await sql<Row>`
        select * from experiments where service = ${service} and environment = ${environment} and name = ${name}
        order by version desc`.execute(this.#db);
      return rows.map(keptOf);
    });
  }
}

function keptOf(row: Row): KeptExperiment {
  const { service, environment, name, version, digest } = row;
  const spec = row.spec as unknown as ExperimentSpec;
  return { service, environment, name, version, digest, keptBy: row.kept_by, keptAt: row.kept_at.getTime(), spec };
}
