import { isZone } from '@haldane/core';
import { Cron } from 'croner';
import fc from 'fast-check';
import { test } from 'tap';
import { readCron } from './cron-expression.ts';
import { dueTimes } from './due-times.ts';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Africa/Casablanca',
  'Pacific/Chatham',
  'America/Santiago',
];
const iso = (instants: Iterable<number>) => [...instants].map((one) => new Date(one).toISOString().slice(0, 16));
const ours = (text: string, zone: string, from: string, to: string) =>
  iso(dueTimes(readCron(text), zone, Date.parse(from), Date.parse(to)));

/** What croner says for the same window. */
function theirs(text: string, zone: string, after: number, until: number): readonly string[] {
  const cron = new Cron(text, { timezone: zone, paused: true });
  const found: number[] = [];
  for (let next = cron.nextRun(new Date(after)); next !== null && next.getTime() <= until; next = cron.nextRun(next))
    found.push(next.getTime());
  return iso(found);
}

const field = (low: number, high: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: fc.integer({ min: low, max: high }).map(String) },
    {
      weight: 2,
      arbitrary: fc.uniqueArray(fc.integer({ min: low, max: high }), { minLength: 2, maxLength: 4 }).map((all) => all.join(',')),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
        .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: Math.max(2, Math.floor(high / 2)) }).map((step) => `*/${step}`) },
  );
/** Days after the 28th are in the test of years: node-cron refuses a date that no month of the expression has. */
const expression = fc.tuple(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map((fields) => fields.join(' '));
/** Moments around which clocks are set, in the north and the south, the last day of February, and any other. */
const moments = fc.oneof(
  fc
    .constantFrom(
      '2024-02-28',
      '2026-02-27',
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-10-04',
      '2026-10-25',
      '2026-11-01',
      '2027-12-31',
      '2028-02-28',
    )
    .map((day) => Date.parse(day)),
  fc.integer({ min: Date.parse('2024-01-01') / 60_000, max: Date.parse('2032-01-01') / 60_000 }).map((minute) => minute * 60_000),
);

test('due times are those of a well-known cron library, also when clocks are set and in leap years', async (t) => {
  const property = fc.property(
    expression,
    fc.constantFrom(...zones),
    moments,
    fc.integer({ min: -36 * 60, max: 36 * 60 }),
    (text, zone, day, shift) => {
      const after = day + shift * 60_000;
      const until = after + 3 * 86_400_000;
      const [is, should] = [iso(dueTimes(readCron(text), zone, after, until)), theirs(text, zone, after, until)];
      const at = is.findIndex((one, index) => one !== should[index]);
      if (is.length === should.length && at < 0) return;
      const first = at < 0 ? is.length : at;
      throw new Error(
        `"${text}" in ${zone} from ${new Date(after).toISOString()}: ours ${is.length}, theirs ${should.length}; time ${first} is ${is[first]}, theirs ${should[first]}`,
      );
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 300, seed: 20_261_122 }));
});

test('over windows of years the rare ones are found too', async (t) => {
  for (const text of ['0 0 29 2 *', '30 2 29 2 *', '0 12 31 * *', '15 2 * 3,10 0', '0 0 1 1 *', '59 23 31 12 *'])
    for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
      const [after, until] = [Date.parse('2023-12-31T23:00Z'), Date.parse('2033-01-02T00:00Z')];
      t.same(iso(dueTimes(readCron(text), zone, after, until)), theirs(text, zone, after, until), `${text} in ${zone}`);
    }
});

test('however a window is cut by a clock that jumps, each time is due once', async (t) => {
  const property = fc.property(
    expression,
    fc.constantFrom(...zones),
    moments,
    fc.array(fc.integer({ min: 1, max: 3 * 1440 }), { maxLength: 8 }),
    (text, zone, day, cuts) => {
      const until = day + 3 * 86_400_000;
      const edges = [day, ...cuts.map((cut) => day + cut * 60_000).sort((a, b) => a - b), until];
      const read = readCron(text);
      const parts = edges.slice(1).flatMap((edge, at) => [...dueTimes(read, zone, edges[at] ?? day, edge)]);
      return JSON.stringify(parts) === JSON.stringify([...dueTimes(read, zone, day, until)]);
    },
  );
  t.doesNotThrow(() => fc.assert(property, { numRuns: 100, seed: 20_261_122 }));
});

test('a time of day that is skipped is due when the gap ends, and one that is repeated is due once', async (t) => {
  t.same(ours('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z'), ['2026-03-29T01:00', '2026-03-30T00:30']);
  t.same(ours('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', '2026-10-26T12:00Z'), ['2026-10-25T00:30', '2026-10-26T01:30']);
  t.same(
    ours('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', '2026-10-25T02:30Z'),
    ['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00'],
    'what is due each hour is due each hour',
  );
});

test('an expression that is wrong is refused in words, and a zone is known or not', async (t) => {
  for (const [text, why] of [
    ['60 * * * *', /60/],
    ['* * * *', /fields/],
    ['0 0 12 * * *', /more than five fields/],
    ['0 0 L * *', /"L"/],
    ['0 0 * * 5#3', /"5#3"/],
    ['', /fields/],
    ['every day', /fields/],
  ] as const)
    t.throws(() => readCron(text), { code: 'bad-request', message: why });
  t.same(readCron('@daily'), readCron('0 0 * * *'));
  t.same(readCron('0 0 * * SUN').weekdays, readCron('0 0 * * 7').weekdays);
  t.ok(isZone('Europe/Berlin'));
  t.notOk(isZone('Europe/Atlantis'));
});
