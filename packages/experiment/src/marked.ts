import type { Phase, Run } from '@haldane/core';
import { isBeforeRestoring, type Stage, type StageOutcome, type Stages } from '@haldane/engine';
import type { InterferenceGuard } from './interference.ts';
import type { Hand, World } from './world.ts';

/** Stages that touch more of the world than those before. */
function goesFurther(phase: Phase): boolean {
  return isBeforeRestoring(phase) && phase !== 'planning';
}

/** Stages in which users are in the arms: they are watched while it is looked around. */
function watchesUsers(phase: Phase): boolean {
  return phase === 'baseline' || phase === 'observing';
}

/** Stages that a run may be in when it is handed over, and that need to know what was seen before. */
function needsTakingOver(phase: Phase): boolean {
  return goesFurther(phase) || phase === 'judging';
}

/**
 * Takes over what another runner began, notes in the evidence when each phase began, and looks around before it goes further and again while
 * it does: whether the run may go on, and whether anything else goes on.
 */
export function marked(
  stages: Stages<undefined>,
  world: World,
  hand: Hand,
  guard: InterferenceGuard,
  takeOver: (run: Run, signal: AbortSignal) => Promise<StageOutcome | null>,
): Stages<undefined> {
  const begun = new Set<Phase>();
  const looked = new Set<Phase>();
  let isFirst = true;
  const lookAround = async (phase: Phase, run: Run, signal: AbortSignal): Promise<StageOutcome | null> => {
    if (!goesFurther(phase)) return null;
    const isEntered = !looked.has(phase) && !watchesUsers(phase);
    looked.add(phase);
    const stop = await (isEntered ? guard.look(run, signal) : guard.glance(run, signal));
    return stop === null ? null : { stop, learned: { decidedAt: stop.at } };
  };
  const enter = async (phase: Phase, run: Run, signal: AbortSignal): Promise<StageOutcome | null> => {
    const isTakenOver = isFirst && needsTakingOver(phase);
    isFirst = false;
    if (isTakenOver) {
      const stopped = await takeOver(run, signal);
      if (stopped !== null) return stopped;
      for (const mark of (await world.evidence.read(run.id)).marks) begun.add(mark.phase);
    }
    if (begun.has(phase)) return lookAround(phase, run, signal);
    begun.add(phase);
    await world.evidence.append(hand.hold.fence, { marks: [{ phase, at: world.clock.now() }] });
    return lookAround(phase, run, signal);
  };
  const names = Object.keys(stages) as (keyof Stages<undefined>)[];
  const wrapped = names.map((phase) => {
    const stage: Stage<undefined> = async (run, context, signal) =>
      (await enter(phase, run, signal)) ?? stages[phase](run, context, signal);
    return [phase, stage];
  });
  return Object.fromEntries(wrapped) as Stages<undefined>;
}
