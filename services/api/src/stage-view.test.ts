import { stageStatuses } from '@haldane/client';
import { phases, type Run } from '@haldane/core';
import { test } from 'tap';
import { chosenStageView, stageView } from './stage-view.ts';

const stop = (reason: string) => ({ reason, why: 'because', at: 1 });
const ended = (facts: object, stopped: object | null = null) =>
  stageView({ id: 'r1', phase: 'done', stop: stopped, facts: { restored: { clean: true }, ...facts } } as unknown as Run);
const verdict = (of: string) => ({ verdict: { verdict: of, headline: 'in one sentence' } });

test('a stage says one word that is final only when everything is put back, or cannot be', (t) => {
  const rows = [
    [ended(verdict('resilient')), 'PASSED'],
    [ended(verdict('vulnerable'), stop('harm-proven')), 'VULNERABLE'],
    [ended(verdict('vulnerable'), stop('operator')), 'VULNERABLE'],
    [ended(verdict('inconclusive')), 'INCONCLUSIVE'],
    [ended(verdict('inconclusive'), stop('operator')), 'ABORTED'],
    [ended(verdict('inconclusive'), stop('halted')), 'ABORTED'],
    [ended(verdict('invalid'), stop('spillover')), 'INVALID'],
    [ended({}, stop('refused')), 'REFUSED'],
    [ended({}), 'INCONCLUSIVE'],
    [ended({ ...verdict('resilient'), restored: { clean: false } }), 'NOT_RESTORED'],
    [ended({ ...verdict('invalid'), restored: { clean: false }, cleanAt: 9 }), 'INVALID'],
  ] as const;
  for (const [view, status] of rows) {
    t.equal(view.status, status);
    t.ok(view.progress !== '', view.progress);
  }
  t.same(
    [...new Set<string>(rows.map(([, status]) => status))].sort(),
    stageStatuses.filter((one) => one !== 'RUNNING' && one !== 'PUT_OFF').sort(),
  );
  t.equal(ended({}, stop('refused')).progress, 'refused: because');

  for (const phase of phases.filter((one) => one !== 'done')) {
    const view = stageView({ id: 'r1', phase, stop: null, facts: verdict('resilient') } as unknown as Run);
    t.match(view, { status: 'RUNNING', progress: phase });
  }
  const stuck = { id: 'r1', phase: 'reporting', stop: null, facts: { ...verdict('vulnerable'), restored: { clean: false } } };
  t.equal(stageView(stuck as unknown as Run).status, 'NOT_RESTORED', 'who waits is told, though it is tried again for as long as it takes');
  t.equal(
    stageView({ ...stuck, phase: 'restoring', facts: {}, stop: stop('breach') } as unknown as Run).progress,
    'restoring (breach: because)',
  );
  t.end();
});

test('a stage that nobody looks at any more is refused, and says why', (t) => {
  const held = {
    ...{ id: 'stage:s', rule: 'r', asked: {}, progress: { says: 'choosing', ref: null }, looks: 3, failures: 0, heldAt: 1 },
    abortAsked: null,
  };
  t.match(chosenStageView({ ...held, givenUp: null }, null), { status: 'RUNNING', progress: 'choosing' });
  t.same(chosenStageView({ ...held, givenUp: 'no file' }, null), {
    ...{ run: '', status: 'REFUSED', progress: 'given up: no file', phase: 'done', verdict: null },
  });
  t.end();
});
