import { type Arm, answerClasses, type Block, type InstanceCounts, type Phase, type ProbeTally, type Tally } from '@haldane/core';
import type { Insertable, Selectable } from 'kysely';
import type { EvidenceBlocksTable } from '../database.ts';

type Counts = readonly number[];
type Bins = readonly (readonly [number, number])[];

/** Takes numbers from the front of a row, in the order in which they were put there. */
class Reader {
  readonly #numbers: Counts;
  #at = 0;
  constructor(numbers: Counts) {
    this.#numbers = numbers;
  }
  next(): number {
    const value = this.#numbers[this.#at];
    if (value === undefined) throw new RangeError(`a stored block ends after ${this.#numbers.length} numbers`);
    this.#at += 1;
    return value;
  }
  /** How many are left. */
  get left(): number {
    return this.#numbers.length - this.#at;
  }
  classes(): number[] {
    return answerClasses.map(() => this.next());
  }
}

const tallyCounts = (t: Tally): Counts => [t.requests, t.failures, ...answerClasses.map((_, i) => t.classes[i] ?? 0)];
const tallyFrom = (r: Reader): Tally => ({ requests: r.next(), failures: r.next(), classes: r.classes() });
const probeCounts = (t: ProbeTally): Counts => [
  t.sent,
  t.accepted,
  t.denied,
  t.incidental,
  t.leaky,
  ...answerClasses.map((_, i) => t.classes[i] ?? 0),
];
const probeFrom = (r: Reader): ProbeTally => ({
  sent: r.next(),
  accepted: r.next(),
  denied: r.next(),
  incidental: r.next(),
  leaky: r.next(),
  classes: r.classes(),
});
const pairCounts = (pair: Readonly<Record<Arm, number>>): Counts => [pair.control, pair.experiment];
const pairFrom = (r: Reader): Record<Arm, number> => ({ control: r.next(), experiment: r.next() });
const usersCounts = (users: Block['budget']['users']): Counts => (users === undefined ? [] : [users.spent, users.cap]);
/** What a row may lack is led by its length, so that a reader knows where it ends; −1 says that nobody knew. */
const instanceCounts = (all: readonly InstanceCounts[]): Counts => [
  all.length,
  ...all.flatMap(({ requests, failures }) => [requests, failures]),
];
const instancesFrom = (r: Reader): InstanceCounts[] => Array.from({ length: r.next() }, () => ({ requests: r.next(), failures: r.next() }));
const maybe = <T>(value: T | undefined, counts: (value: T) => Counts): Counts => (value === undefined ? [-1] : [1, ...counts(value)]);
const asideCounts = ({ byInstance, retries, shielded, mirrored }: Block): Counts => [
  ...maybe(byInstance, ({ control, experiment }) => [...instanceCounts(control), ...instanceCounts(experiment)]),
  ...maybe(retries, pairCounts),
  ...maybe(shielded, pairCounts),
  ...maybe(mirrored, ({ control, experiment }) => [control, experiment].flatMap(({ same, status, body }) => [same, status, body])),
];
/** Rows of before end without them. */
function asidesFrom(r: Reader): Pick<Block, 'byInstance' | 'retries' | 'shielded' | 'mirrored'> {
  const told = () => r.left > 0 && r.next() > 0;
  const differences = () => ({ same: r.next(), status: r.next(), body: r.next() });
  return {
    ...(told() ? { byInstance: { control: instancesFrom(r), experiment: instancesFrom(r) } } : {}),
    ...(told() ? { retries: pairFrom(r) } : {}),
    ...(told() ? { shielded: pairFrom(r) } : {}),
    ...(told() ? { mirrored: { control: differences(), experiment: differences() } } : {}),
  };
}
const binCounts = (bins: Bins): number[] => bins.flat();
const binsFrom = (flat: Counts): [number, number][] =>
  flat.flatMap((n, i) => (i % 2 === 0 ? [[n, flat[i + 1] ?? 0] as [number, number]] : []));

/**
 * A block as a row: integers in a fixed order, because field names would be most of an hour's evidence. The order is part of the
 * data that is stored: new fields go to the end (with a default for rows that lack them), none is ever moved.
 */
export function rowOfBlock(block: Block): Omit<Insertable<EvidenceBlocksTable>, 'run_id'> {
  return {
    at: block.at,
    phase: block.phase,
    narrowed: block.narrowed,
    budget: [block.budget.spent, block.budget.cap, block.budget.credit, ...usersCounts(block.budget.users)],
    counts: [
      ...tallyCounts(block.real.production),
      ...tallyCounts(block.real.control),
      ...tallyCounts(block.real.experiment),
      ...pairCounts(block.keys),
      ...pairCounts(block.failedKeys),
      block.switched,
      ...pairCounts(block.dependencyCalls),
      ...pairCounts(block.met),
      ...probeCounts(block.legitimate.control),
      ...probeCounts(block.legitimate.experiment),
      ...probeCounts(block.hostile.control),
      ...probeCounts(block.hostile.experiment),
      ...pairCounts(block.healthy),
      ...asideCounts(block),
    ],
    latency_control: binCounts(block.latency.control),
    latency_experiment: binCounts(block.latency.experiment),
  };
}

/** The block that `rowOfBlock` made the row of. */
export function blockOfRow(row: Selectable<EvidenceBlocksTable>): Block {
  const r = new Reader(row.counts);
  const [spent = 0, cap = 0, credit = 0, usersSpent, usersCap] = row.budget;
  const users = usersSpent === undefined || usersCap === undefined ? {} : { users: { spent: usersSpent, cap: usersCap } };
  // Object literals are evaluated from top to bottom, which is the order of the row.
  const block = {
    at: row.at,
    real: { production: tallyFrom(r), control: tallyFrom(r), experiment: tallyFrom(r) },
    keys: pairFrom(r),
    failedKeys: pairFrom(r),
    switched: r.next(),
    dependencyCalls: pairFrom(r),
    met: pairFrom(r),
    budget: { spent, cap, credit, ...users },
    narrowed: row.narrowed,
    latency: { control: binsFrom(row.latency_control), experiment: binsFrom(row.latency_experiment) },
    phase: row.phase as Phase,
    legitimate: { control: probeFrom(r), experiment: probeFrom(r) },
    hostile: { control: probeFrom(r), experiment: probeFrom(r) },
    healthy: pairFrom(r),
  };
  return { ...block, ...asidesFrom(r) };
}
