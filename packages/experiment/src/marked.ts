import type { Phase, Run } from '@haldane/core';
import { isBeforeRestoring, type Stage, type StageOutcome, type Stages } from '@haldane/engine';
import { objectionsTo } from './allowed.ts';
import type { Hand, World } from './world.ts';

/** What the policy says against a run that was planned already. */
export function objectionsNow(world: World, run: Run, signal: AbortSignal): Promise<readonly string[]> {
  const { deployment } = run.facts;
  return deployment === undefined ? Promise.resolve([]) : objectionsTo(world, run, deployment, signal);
}

/** Stages that touch more of the world than those before: the policy is asked again. */
function goesFurther(phase: Phase): boolean {
  return isBeforeRestoring(phase) && phase !== 'planning';
}

/** Stages that a run may be in when it is handed over, and that need to know what was seen before. */
function needsTakingOver(phase: Phase): boolean {
  return goesFurther(phase) || phase === 'judging';
}

/** Takes over what another runner began, notes in the evidence when each phase began, and asks the policy before it goes further. */
export function marked(
  stages: Stages<undefined>,
  world: World,
  hand: Hand,
  takeOver: (run: Run, signal: AbortSignal) => Promise<StageOutcome | null>,
): Stages<undefined> {
  const begun = new Set<Phase>();
  let isFirst = true;
  const enter = async (phase: Phase, run: Run, signal: AbortSignal): Promise<StageOutcome | null> => {
    const isTakenOver = isFirst && needsTakingOver(phase);
    isFirst = false;
    if (isTakenOver) {
      const stopped = await takeOver(run, signal);
      if (stopped !== null) return stopped;
      for (const mark of (await world.evidence.read(run.id)).marks) begun.add(mark.phase);
    }
    if (begun.has(phase)) return null;
    begun.add(phase);
    await world.evidence.append(hand.hold.fence, { marks: [{ phase, at: world.clock.now() }] });
    const objections = goesFurther(phase) ? await objectionsNow(world, run, signal) : [];
    return objections.length === 0 ? null : { stop: { reason: 'refused', why: objections.join('; '), at: world.clock.now() } };
  };
  const names = Object.keys(stages) as (keyof Stages<undefined>)[];
  const wrapped = names.map((phase) => {
    const stage: Stage<undefined> = async (run, context, signal) =>
      (await enter(phase, run, signal)) ?? stages[phase](run, context, signal);
    return [phase, stage];
  });
  return Object.fromEntries(wrapped) as Stages<undefined>;
}
