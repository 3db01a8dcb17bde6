import type { Phase } from '@haldane/core';
import { phases } from '@haldane/core';
import { test } from 'tap';
import type { Arrow } from './machine.ts';
import { isBeforeRestoring, machine, nextPhase } from './machine.ts';

const thrown = (act: () => unknown): unknown => {
  try {
    return act();
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test('every cell of the machine', async (t) => {
  const cells: Record<Phase, [string, string]> = {
    planning: ['provisioning', 'done'],
    provisioning: ['routing', 'restoring'],
    routing: ['baseline', 'restoring'],
    baseline: ['injecting', 'restoring'],
    injecting: ['proving', 'restoring'],
    proving: ['observing', 'restoring'],
    observing: ['restoring', 'restoring'],
    restoring: ['judging', 'restoring'],
    judging: ['reporting', 'restoring'],
    reporting: ['done', 'restoring'],
    done: ['illegal-move', 'illegal-move'],
  };
  t.same(Object.keys(machine).sort(), [...phases].sort(), 'each phase has a row');
  for (const phase of phases) {
    for (const [index, arrow] of (['done', 'stop'] as const).entries())
      t.equal(
        thrown(() => nextPhase(phase, arrow)),
        cells[phase][index],
        `${phase} by ${arrow}`,
      );
  }
});

test('no way leads from a phase that changes the world to the end but through restoring', async (t) => {
  const around = (from: Phase, seen: ReadonlySet<Phase>): boolean => {
    if (from === 'done') return true;
    if (from === 'restoring' || seen.has(from)) return false;
    return (['done', 'stop'] as Arrow[]).some((arrow) => around(nextPhase(from, arrow), new Set([...seen, from])));
  };
  for (const phase of phases.filter((each) => isBeforeRestoring(each) && each !== 'planning'))
    t.equal(around(phase, new Set()), false, phase);
});

test('the whole way visits each phase once, in the order of the list', async (t) => {
  const walked: Phase[] = ['planning'];
  for (let at: Phase = 'planning'; at !== 'done'; walked.push(at)) at = nextPhase(at, 'done');
  t.same(walked, phases);
});
