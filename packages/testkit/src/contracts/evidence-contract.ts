import type { Alert, Block, Evidence, Tally } from '@haldane/core';
import { emptyProbeTally } from '@haldane/core';
import { sampleRun } from '../sample-run.ts';
import type { ContractTest, MakeStores } from './contract-test.ts';
import { codeOf, storeTest } from './contract-test.ts';

const lease = 60_000;
const none: Evidence = {
  blocks: [],
  checks: [],
  accepts: [],
  alerts: [],
  features: [],
  marks: [],
  effectAt: null,
  instances: { control: [], experiment: [] },
};
const tally = (requests: number): Tally => ({ requests, failures: 1, classes: [requests - 1, 0, 0, 0, 0, 0, 1, 0] });
const each = <T>(value: T) => ({ control: value, experiment: value });

const block = (at: number, phase: Block['phase']): Block => ({
  at,
  phase,
  real: { production: tally(90), control: tally(10), experiment: tally(11) },
  keys: { control: 3, experiment: 4 },
  failedKeys: each(1),
  switched: 0,
  dependencyCalls: each(2),
  met: { control: 0, experiment: 2 },
  budget: { spent: 1, cap: 20, credit: 0.25, ...(at % 2 === 0 ? {} : { users: { spent: 1, cap: 5 } }) },
  narrowed: false,
  latency: {
    control: [
      [120, 7],
      [-3, 1],
    ],
    experiment: [],
  },
  legitimate: each({ ...emptyProbeTally, sent: 5, classes: [5, 0, 0, 0, 0, 0, 0, 0] }),
  hostile: { control: emptyProbeTally, experiment: { ...emptyProbeTally, sent: 20, denied: 20, classes: [0, 0, 20, 0, 0, 0, 0, 0] } },
  healthy: each(2),
});

/** With what only some slices have to tell. */
const withAsides = (plain: Block): Block => ({
  ...plain,
  shielded: { control: 0, experiment: 2 },
  mirrored: { control: { same: 3, status: 0, body: 1 }, experiment: { same: 1, status: 2, body: 0 } },
  stripped: { caching: 4, 'permanent-redirect': 1 },
  traces: { control: { failed: [], well: ['0af7651916cd43dd8448eb211c80319c'] }, experiment: { failed: [], well: [] } },
  byInstance: {
    control: [{ requests: 10, failures: 1 }],
    experiment: [
      { requests: 5, failures: 1 },
      { requests: 6, failures: 1 },
    ],
  },
  retries: { control: 0, experiment: 3 },
});

const alert: Alert = {
  id: 'a1',
  receiver: 'soc',
  rule: 'denials-gone',
  severity: 'high',
  receivedAt: 1_700_000_000_123,
  fields: { service: 'payments' },
};

/** What every EvidenceStore holds. */
export async function evidenceContract(t: ContractTest, makeStores: MakeStores): Promise<void> {
  await storeTest(t, 'a run without evidence has empty evidence', makeStores, async (t, { runs, evidence }) => {
    const run = await runs.create(sampleRun());
    t.same(await evidence.read(run.id), none);
    t.same(await evidence.read(sampleRun().id), none);
  });

  await storeTest(t, 'what was appended is read back whole, in order', makeStores, async (t, { runs, evidence }) => {
    await runs.create(sampleRun());
    const claim = await runs.claim('a', lease, 0);
    if (!claim) throw new Error('there was nothing to claim');
    const { fence, run } = claim;
    const check = (at: number): Evidence['checks'][number] => ({ name: 'effect', at, passed: at > 1, seen: '503 "keys unavailable"' });
    const accept: Evidence['accepts'][number] = {
      request: 'pay',
      forgery: 'alg-none',
      class: 'success',
      outcome: 'accepted',
      status: 200,
      latencyMs: 12.5,
      at: 3,
      arm: 'experiment',
      confirmation: 'denied',
    };
    const feature: Evidence['features'][number] = { kind: 'header', name: 'strict-transport-security', control: 10, experiment: 0 };
    await evidence.append(fence, { blocks: [block(100, 'baseline'), block(101, 'baseline')], marks: [{ phase: 'baseline', at: 99 }] });
    await evidence.append(fence, { checks: [check(1)], accepts: [accept], instances: { control: ['c-1'], experiment: ['e-1', 'e-2'] } });
    await evidence.append(fence, { effectAt: 5 });
    await evidence.append(fence, {
      blocks: [withAsides(block(102, 'observing')), block(103, 'observing')],
      checks: [check(2)],
      alerts: [alert],
      features: [feature],
      marks: [{ phase: 'observing', at: 102 }],
    });
    await evidence.append(fence, { effectAt: 9 });
    const read = await evidence.read(run.id);
    t.same(read.blocks, [block(100, 'baseline'), block(101, 'baseline'), withAsides(block(102, 'observing')), block(103, 'observing')]);
    t.same(read.checks, [check(1), check(2)]);
    t.same([read.accepts, read.alerts, read.features], [[accept], [alert], [feature]]);
    t.same(read.marks, [
      { phase: 'baseline', at: 99 },
      { phase: 'observing', at: 102 },
    ]);
    t.equal(read.effectAt, 5, 'the moment it was first seen');
    t.same(read.instances, { control: ['c-1'], experiment: ['e-1', 'e-2'] });
  });

  await storeTest(t, 'only the holder of the run appends', makeStores, async (t, { runs, evidence, letPass }) => {
    await runs.create(sampleRun());
    const first = await runs.claim('a', lease, 0);
    if (!first) throw new Error('there was nothing to claim');
    await evidence.append(first.fence, { blocks: [block(1, 'baseline')] });
    await letPass(lease + 1);
    t.equal(await codeOf(evidence.append(first.fence, { blocks: [block(2, 'baseline')] })), 'lease-lost', 'the lease has ended');
    await runs.claim('b', lease, 0);
    t.equal(await codeOf(evidence.append(first.fence, { blocks: [block(2, 'baseline')] })), 'lease-lost', 'another holds it');
    t.same(
      (await evidence.read(first.run.id)).blocks.map((found) => found.at),
      [1],
    );
  });
}
