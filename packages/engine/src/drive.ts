import type { Facts, Phase, Run, Stop } from '@haldane/core';
import { HaldaneError, hasCode, untraced } from '@haldane/core';
import { AbortWatch } from './abort-watch.ts';
import { callStage, stageSignal } from './call-stage.ts';
import type { DriveDeps } from './drive-deps.ts';
import { isBeforeRestoring, nextPhase } from './machine.ts';
import { patiently, pause, refuseWithoutLease, waitSignal } from './patiently.ts';
import type { Stage, Stages } from './stage.ts';
import { untilClean } from './until-clean.ts';

/** How often a stage behind restoring may fail before it is passed by. */
const patience = 3;

export type Driven = { readonly end: 'done' | 'handed-over'; readonly run: Run };

/**
 * Moves a run from where it is to its end: looks at the phase, calls its stage, moves by the machine's one table.
 * An abort and the lease are looked at between stages; an error of a stage is a stop, with its words. While the world is
 * being put back nothing stops the run; a stage behind that which goes on failing is recorded and passed by, for a record
 * that cannot be made must not hold the service. A run is not done while its journal holds anything that is not back.
 * Throws `lease-lost` as soon as the lease is, and touches nothing more.
 */
export async function drive<C>(start: Run, stages: Stages<C>, context: C, deps: DriveDeps): Promise<Driven> {
  const aborts = deps.aborts ?? new AbortWatch(deps.runs, deps.clock);
  try {
    return await driveOn(start, stages, context, aborts.add(start.id), deps);
  } finally {
    aborts.remove(start.id);
  }
}

async function driveOn<C>(start: Run, stages: Stages<C>, context: C, asked: AbortSignal, deps: DriveDeps): Promise<Driven> {
  let failures = 0;
  for (let run = await latest(start, deps); ; run = await latest(run, deps)) {
    const { phase } = run;
    if (phase === 'done') return { end: 'done', run };
    if (deps.handOver?.aborted && mayBeLeft(run)) return { end: 'handed-over', run };

    const { trace = untraced } = deps;
    const outcome = await trace(phase, { run: run.id }, async (note) => {
      const said = await called(run, stages[phase], context, asked, deps, () => {
        failures = 0;
      });
      if ('stop' in said)
        note({ stop: said.stop.reason, ...(said.stop.reason === 'error' ? { error: said.stop.why } : { why: said.stop.why }) });
      return said;
    });
    if ('again' in outcome) continue;
    const stop = 'stop' in outcome ? outcome.stop : undefined;
    failures += 1;
    if (stop && !(await goesOn(run, stop, outcome.learned, failures, deps))) continue;
    const to = nextPhase(phase, stop && isBeforeRestoring(phase) ? 'stop' : 'done');
    const back = to === 'done' ? await untilClean(run, deps) : {};
    if (back === null) return { end: 'handed-over', run };
    await move(run, to, stop, { ...outcome.learned, ...back }, deps);
    failures = 0;
  }
}

/** What is being put back is put back here, and so is a run that was asked to stop: nobody else may be there to do it. */
function mayBeLeft({ phase, abortAsked }: Run): boolean {
  return phase !== 'restoring' && !(abortAsked !== null && isBeforeRestoring(phase));
}

/**
 * Calls the stage for as long as it says `again`. Nobody else moves the run meanwhile: only a wish that it stop, or a hand-over, is news
 * for which it is looked at anew.
 */
async function called<C>(run: Run, stage: Stage<C>, context: C, asked: AbortSignal, deps: DriveDeps, onAgain: () => void) {
  // Made once, for a signal that is made of lasting ones is remembered by them, and this may go on for hours.
  const signals = { asked, signal: stageSignal(run, asked, deps) };
  const waits = waitSignal(deps);
  for (;;) {
    const outcome = await callStage(run, stage, context, signals, deps);
    refuseWithoutLease(deps);
    if (!('again' in outcome)) return outcome;
    onAgain();
    await pause(outcome.afterMs, deps, waits);
    if (asked.aborted || deps.handOver?.aborted) return outcome;
  }
}

/**
 * Whether a stop moves the run. Always, before restoring. Behind that point a run cannot be stopped: restoring is tried
 * again for as long as it takes, its first error noted; judging and reporting a few times, then they are passed by.
 */
async function goesOn(run: Run, stop: Stop, learned: Facts | undefined, failures: number, deps: DriveDeps): Promise<boolean> {
  if (isBeforeRestoring(run.phase)) return true;
  const restoring = run.phase === 'restoring';
  if (restoring && (run.stop === null || learned)) await move(run, nextPhase(run.phase, 'stop'), stop, learned, deps);
  if (restoring || failures < patience) {
    await pause(Math.min(30_000, 500 * 2 ** Math.min(failures, 6)), deps);
    return false;
  }
  await deps.runs.tell(deps.hold.fence, 'note', { text: `phase "${run.phase}" was passed by: ${stop.why}` });
  return true;
}

/** The run as the store has it now: somebody may have asked for an abort. */
async function latest(run: Run, deps: DriveDeps): Promise<Run> {
  const found = await patiently(deps, () => deps.runs.get(run.id));
  if (!found) throw new HaldaneError('not-found', `there is no run "${run.id}" any more`);
  return found;
}

async function move(run: Run, to: Phase, stop: Stop | undefined, learned: Facts | undefined, deps: DriveDeps): Promise<void> {
  const wanted = { to, ...(stop && { stop }), ...(learned && { learned }) };
  let tries = 0;
  await patiently(deps, async () => {
    tries += 1;
    try {
      await deps.runs.advance(deps.hold.fence, run.version, wanted);
    } catch (error) {
      // Nobody else may move it while we hold the fence: an earlier try of ours got through and its answer was lost.
      if (!(hasCode(error, 'conflict') && tries > 1)) throw error;
    }
  });
}
