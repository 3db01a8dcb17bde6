import type { Block, Evidence, EvidenceStore, Fence, Json } from '@haldane/core';
import type { HeldWrites } from '../asking/held-writes.ts';
import type { Database } from '../database.ts';
import { refusedWrite } from '../held.ts';
import { translated } from '../translate.ts';
import { blockOfRow, rowOfBlock } from './block-row.ts';

/** Parts of the evidence that are lists, each item a row. Blocks have a table of their own. */
const lists = ['checks', 'accepts', 'alerts', 'features', 'marks'] as const;

/** Evidence on PostgreSQL: appended in one fenced statement, never changed. A second that is there already stays as it is. */
export class PostgresEvidenceStore implements EvidenceStore {
  readonly #db: Database;
  readonly #writes: HeldWrites;
  constructor(db: Database, writes: HeldWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  async append(fence: Fence, part: Partial<Evidence>): Promise<void> {
    await translated('appending evidence', async () => {
      const blocks = (part.blocks ?? []).map(rowOfBlock);
      const parts = [...partsOf(part), ...asidesOf(part.blocks ?? [])].map(({ kind, value }) => ({ kind, value: JSON.stringify(value) }));
      if ((await this.#writes.write({ fence, blocks, parts })) === null) await refusedWrite(this.#db, fence);
    });
  }

  async read(runId: string): Promise<Evidence> {
    return translated('reading evidence', async () => {
      const blocks = await this.#db.selectFrom('evidence_blocks').selectAll().where('run_id', '=', runId).orderBy('at').execute();
      const parts = await this.#db
        .selectFrom('evidence_parts')
        .select(['kind', 'value'])
        .where('run_id', '=', runId)
        .orderBy('seq')
        .execute();
      const of = (kind: string) => parts.filter((p) => p.kind === kind).map((p) => p.value);
      const list = <K extends (typeof lists)[number]>(kind: K) => of(kind) as unknown as Evidence[K];
      return {
        blocks: blocks.map(blockOfRow).map(withAsides(of('aside') as unknown as readonly Aside[])),
        checks: list('checks'),
        accepts: list('accepts'),
        alerts: list('alerts'),
        features: list('features'),
        marks: list('marks'),
        effectAt: (of('effectAt')[0] as number | undefined) ?? null,
        instances: (of('instances').at(-1) as Evidence['instances'] | undefined) ?? { control: [], experiment: [] },
      };
    });
  }
}

/** What few blocks have: kept beside their rows, whose length it would otherwise double. */
type Aside = Pick<Block, 'at' | 'shielded' | 'mirrored' | 'stripped' | 'traces'>;

function asidesOf(blocks: readonly Block[]): readonly { readonly kind: string; readonly value: Json }[] {
  return blocks.flatMap(({ at, shielded, mirrored, stripped, traces }) => {
    const aside = { shielded, mirrored, stripped, traces };
    if (Object.values(aside).every((one) => one === undefined)) return [];
    return [{ kind: 'aside', value: { at, ...aside } as unknown as Json }];
  });
}

function withAsides(asides: readonly Aside[]): (block: Block) => Block {
  // The first one stays, as with the blocks themselves.
  const byAt = new Map([...asides].reverse().map((aside) => [aside.at, aside]));
  return (block) => ({ ...block, ...byAt.get(block.at) });
}

function partsOf(part: Partial<Evidence>): readonly { readonly kind: string; readonly value: Json }[] {
  return [
    ...lists.flatMap((kind) => (part[kind] ?? []).map((value) => ({ kind, value: value as unknown as Json }))),
    // The first time the fault was seen is a fact; "not yet" is not, and is not kept.
    ...(typeof part.effectAt === 'number' ? [{ kind: 'effectAt', value: part.effectAt }] : []),
    ...(part.instances ? [{ kind: 'instances', value: part.instances as unknown as Json }] : []),
  ];
}
