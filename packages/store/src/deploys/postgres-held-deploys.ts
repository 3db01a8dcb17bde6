import type { HeldDeploy, HeldDeploys, HeldStage, JsonObject, LookedAt } from '@haldane/core';
import { sql } from 'kysely';
import type { Database } from '../database.ts';
import { storable } from '../storable.ts';
import { translated } from '../translate.ts';

type Row = {
  id: string;
  rule: string;
  asked: JsonObject;
  progress: JsonObject;
  looks: number;
  failures: number;
  held_at: Date;
  abort_asked: string | null;
  state: string;
  why: string | null;
};

/** Deploys that wait for an answer, on PostgreSQL; each step is one statement, so nobody falls asleep in one. */
export class PostgresHeldDeploys implements HeldDeploys {
  readonly #db: Database;
  constructor(db: Database) {
    this.#db = db;
  }

  async hold({ id, rule, asked }: Pick<HeldDeploy, 'id' | 'rule' | 'asked'>): Promise<boolean> {
    return translated('noting a deploy that waits', async () => {
      const { rows } = await sql`
        insert into held_deploys (id, rule, asked) values (${storable(id)}, ${storable(rule)}, ${JSON.stringify(asked)}::json)
        on conflict (id) do update set
          rule = excluded.rule, asked = excluded.asked, progress = '{}', state = 'waiting', failures = 0, why = null,
          held_at = clock_timestamp(), not_before = clock_timestamp(), over_at = null
        where held_deploys.state = 'given-up'
        returning id`.execute(this.#db);
      return rows.length > 0;
    });
  }

  async holdStage({ ref, rule, asked, who, unattendedMs }: HeldStage): Promise<HeldDeploy> {
    return translated('noting a stage', async () => {
      await sql`
        insert into held_deploys (id, rule, asked, who, abort_asked, watch_ms, watched_until)
        values (${stageId(ref)}, ${storable(rule)}, ${JSON.stringify(asked)}::json, ${storable(who)}, forestalled(${storable(ref)}, ${storable(who)}),
          ${unattendedMs}, clock_timestamp() + ${unattendedMs}::int * interval '1 millisecond')
        on conflict (id) do nothing`.execute(this.#db);
      return (await this.#stage(ref)) as HeldDeploy;
    });
  }

  async stage(ref: string): Promise<HeldDeploy | null> {
    return translated('reading a stage', () => this.#stage(ref));
  }

  async #stage(ref: string): Promise<HeldDeploy | null> {
    const { rows } = await sql<Row>`select * from held_deploys where id = ${stageId(ref)}`.execute(this.#db);
    return rows[0] ? deployOf(rows[0]) : null;
  }

  /** Whoever looks at it now is overtaken by the look that this asks for. */
  async abortStage(ref: string, why: string): Promise<void> {
    await translated('asking a stage to end', () =>
      sql`
        update held_deploys set abort_asked = coalesce(abort_asked, ${storable(why)}), not_before = least(not_before, clock_timestamp())
        where id = ${stageId(ref)} and state = 'waiting'`.execute(this.#db),
    );
  }

  async stageAttended(ref: string): Promise<void> {
    await translated('noting that a stage is attended', () =>
      sql`
        update held_deploys set watched_until = clock_timestamp() + watch_ms * interval '1 millisecond'
        where id = ${stageId(ref)} and watch_ms is not null and state = 'waiting'`.execute(this.#db),
    );
  }

  async take(rules: readonly string[], forMs: number): Promise<HeldDeploy | null> {
    return translated('taking a deploy that waits', async () => {
      const { rows } = await sql<Row>`
        with candidate as (
          select id from held_deploys
          where state = 'waiting' and rule = any(${[...rules]}::text[]) and not_before <= clock_timestamp()
          order by not_before limit 1 for update skip locked
        )
        update held_deploys d set looks = looks + 1, not_before = clock_timestamp() + ${forMs} * interval '1 millisecond',
          abort_asked = case when watched_until < clock_timestamp()
            then coalesce(abort_asked, 'nobody asked after it for ' || watch_ms / 1000 || ' s') else abort_asked end
        from candidate where d.id = candidate.id
        returning d.*`.execute(this.#db);
      return rows[0] ? deployOf(rows[0]) : null;
    });
  }

  async ofOtherRules(rules: readonly string[]): Promise<readonly HeldDeploy[]> {
    return translated('looking for deploys without a rule', async () => {
      const { rows } = await sql<Row>`
        select * from held_deploys where state = 'waiting' and who is null and rule <> all(${[...rules]}::text[]) order by held_at limit 100`.execute(
        this.#db,
      );
      return rows.map(deployOf);
    });
  }

  async settle({ id, looks }: Pick<HeldDeploy, 'id' | 'looks'>, became: LookedAt): Promise<boolean> {
    return translated('noting what became of a deploy that waits', async () => {
      const over = became.state === 'answered' || became.state === 'given-up';
      const againMs = 'againMs' in became ? became.againMs : 0;
      const progress = 'progress' in became ? JSON.stringify(became.progress) : null;
      const { rows } = await sql`
        update held_deploys set
          state = ${over ? became.state : 'waiting'},
          why = ${'why' in became ? storable(became.why) : null},
          progress = coalesce(${progress}::json, progress),
          failures = case when ${became.state === 'failed'} then failures + 1 else 0 end,
          not_before = clock_timestamp() + ${againMs} * interval '1 millisecond',
          over_at = case when ${over} then clock_timestamp() end
        where id = ${id} and state = 'waiting' and looks = ${looks}
        returning id`.execute(this.#db);
      return rows.length > 0;
    });
  }
}

function deployOf({ held_at, abort_asked, state, why, ...row }: Row): HeldDeploy {
  const { id, rule, asked, progress, looks, failures } = row;
  return {
    id,
    rule,
    asked,
    progress,
    looks,
    failures,
    heldAt: held_at.getTime(),
    abortAsked: abort_asked,
    givenUp: state === 'given-up' ? (why ?? '') : null,
  };
}

/** Apart from the names of systems that are told. */
function stageId(ref: string): string {
  return `stage:${storable(ref)}`;
}
