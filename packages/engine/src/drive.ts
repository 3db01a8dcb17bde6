import type { AnyChangeKind, Clock, Facts, Journal, Phase, Run, RunStore, Stop, StopReason } from '@haldane/core';
import { HaldaneError, hasCode, messageOf } from '@haldane/core';
import type { HeldLease } from './lease.ts';
import { isBeforeRestoring, nextPhase } from './machine.ts';
import { restore } from './restore.ts';
import type { Stage, StageOutcome, Stages } from './stage.ts';
import { ticks } from './within.ts';

export type DriveDeps = {
  readonly runs: Pick<RunStore, 'get' | 'advance' | 'tell'>;
  readonly journal: Journal;
  readonly kinds: readonly AnyChangeKind[];
  readonly clock: Clock;
  readonly hold: Pick<HeldLease, 'fence' | 'leaseLeft' | 'lost'>;
  /** The runner shuts down: the run is left between two stages, for another to go on. Never while it restores. */
  readonly handOver?: AbortSignal;
  /** How often an abort is looked for while a stage is at work. */
  readonly abortPollMs?: number;
  /** How long a store that does not answer is asked again before the run is left to run out. */
  readonly storePatienceMs?: number;
  /** For what is still stuck when everything else of the run is over: how it is tried again, and how often. */
  readonly lingering?: { readonly deadlineMs: number; readonly settleMs: number; readonly everyMs: number };
};

export type Driven = { readonly end: 'done' | 'handed-over'; readonly run: Run };

/**
 * Moves a run from where it is to its end: looks at the phase, calls its stage, moves by the machine's one table.
 * An abort and the lease are looked at between stages; an error of a stage is a stop, with its words. While the world is
 * being put back nothing stops the run; a stage behind that which goes on failing is recorded and passed by, for a record
 * that cannot be made must not hold the service. A run is not done while its journal holds anything that is not back.
 * Throws `lease-lost` as soon as the lease is, and touches nothing more.
 */
export async function drive<C>(start: Run, stages: Stages<C>, context: C, deps: DriveDeps): Promise<Driven> {
  const { runs, clock, hold } = deps;
  let failures = 0;
  for (let run = await latest(start, deps); ; run = await latest(run, deps)) {
    const { phase } = run;
    if (phase === 'done') return { end: 'done', run };
    if (deps.handOver?.aborted && phase !== 'restoring') return { end: 'handed-over', run };

    const outcome = await callStage(run, stages[phase], context, deps);
    refuseWithoutLease(deps);
    if ('again' in outcome) {
      failures = 0;
      await pause(outcome.afterMs, deps);
      continue;
    }
    if ('done' in outcome) {
      const to = nextPhase(phase, 'done');
      if (to === 'done' && !(await untilClean(run, deps))) return { end: 'handed-over', run };
      await move(run, to, undefined, outcome.learned, deps);
      failures = 0;
      continue;
    }
    if (isBeforeRestoring(phase)) {
      await move(run, nextPhase(phase, 'stop'), outcome.stop, outcome.learned, deps);
      continue;
    }
    failures += 1;
    if (phase === 'restoring') {
      if (run.stop === null || outcome.learned) await move(run, nextPhase(phase, 'stop'), outcome.stop, outcome.learned, deps);
    } else if (failures >= 3) {
      await runs.tell(run.id, 'note', { text: `phase "${phase}" was passed by: ${outcome.stop.why}` });
      const to = nextPhase(phase, 'done');
      if (to === 'done' && !(await untilClean(run, deps))) return { end: 'handed-over', run };
      await move(run, to, outcome.stop, outcome.learned, deps);
      failures = 0;
      continue;
    }
    await clock.sleep(Math.min(30_000, 500 * 2 ** Math.min(failures, 6)), hold.lost);
  }
}

function refuseWithoutLease({ hold }: DriveDeps): void {
  if (hold.lost.aborted) throw hold.lost.reason;
  if (hold.leaseLeft() <= 0) throw new HaldaneError('lease-lost', `run "${hold.fence.runId}": the lease has ended; nothing more may be changed`);
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

/**
 * Tries a call of the store again, with growing pauses, while the lease lasts: a short outage is no reason to stop. After
 * `storePatienceMs` it throws, so that effects run out and another runner takes over, rather than harm go on undriven.
 */
async function patiently<T>(deps: DriveDeps, call: () => Promise<T>): Promise<T> {
  const end = ticks(deps.clock) + (deps.storePatienceMs ?? 15_000);
  for (let wait = 100; ; wait = Math.min(wait * 2, 2000)) {
    refuseWithoutLease(deps);
    try {
      return await call();
    } catch (error) {
      const final = ['lease-lost', 'conflict', 'not-found', 'illegal-move'].some((code) => (error as { code?: unknown } | null)?.code === code);
      if (final || ticks(deps.clock) + wait > end) throw error;
      await deps.clock.sleep(wait, deps.hold.lost);
    }
  }
}

/** Waits before a stage is called again; a hand-over or the loss of the lease ends the wait. */
async function pause(ms: number, { clock, hold, handOver }: DriveDeps): Promise<void> {
  const signal = handOver && !handOver.aborted ? AbortSignal.any([hold.lost, handOver]) : hold.lost;
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function callStage<C>(run: Run, stage: Stage<C>, context: C, deps: DriveDeps): Promise<StageOutcome> {
  const { clock, hold } = deps;
  const stopFor = (reason: StopReason, why: string): StageOutcome => ({ stop: { reason, why, at: clock.now() } });
  const stoppable = isBeforeRestoring(run.phase);
  if (stoppable && run.abortAsked !== null) return stopFor('operator', run.abortAsked);

  const asked = new AbortController();
  const over = new AbortController();
  if (stoppable) void watchForAbort(run.id, asked, over.signal, deps);
  try {
    return await Promise.race([stage(run, context, AbortSignal.any([hold.lost, asked.signal])), rejection(hold.lost, over.signal)]);
  } catch (error) {
    if (hold.lost.aborted) throw hold.lost.reason;
    if (hasCode(error, 'lease-lost')) throw error;
    if (asked.signal.aborted) return stopFor('operator', messageOf(asked.signal.reason));
    return stopFor(run.phase === 'planning' && hasCode(error, 'refused') ? 'refused' : 'error', messageOf(error));
  } finally {
    over.abort();
  }
}

/** Rejects when the lease is lost, so that a stage that does not heed its signal is not waited for. */
function rejection(lost: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (lost.aborted) return reject(lost.reason as Error);
    lost.addEventListener('abort', () => reject(lost.reason as Error), { once: true, signal: over });
  });
}

async function watchForAbort(runId: string, asked: AbortController, over: AbortSignal, { runs, clock, abortPollMs = 500 }: DriveDeps): Promise<void> {
  while (!over.aborted) {
    try {
      await clock.sleep(abortPollMs, over);
      const why = (await runs.get(runId))?.abortAsked ?? null;
      if (why !== null) return asked.abort(new Error(why));
    } catch {
      // Over, or the store is away for a moment: it is asked again, and between stages in any case.
    }
  }
}

/**
 * The service stays taken until the journal is clean: what was stuck is tried again until it is back. False when the runner
 * shuts down first; whoever claims the run next goes on with it.
 */
async function untilClean(run: Run, deps: DriveDeps): Promise<boolean> {
  const { runs, journal, kinds, clock, hold, handOver } = deps;
  const { deadlineMs, settleMs, everyMs } = deps.lingering ?? { deadlineMs: 30_000, settleMs: 0, everyMs: 10_000 };
  let told = '';
  for (;;) {
    const open = (await patiently(deps, () => journal.entries(run.id))).filter((entry) => entry.state !== 'reverted');
    if (open.length === 0) {
      if (told !== '') await runs.tell(run.id, 'restored', { clean: true });
      return true;
    }
    if (handOver?.aborted) return false;
    const began = ticks(clock);
    const { clean, stuck, kept } = await patiently(deps, () => restore(journal, kinds, hold.fence, run.id, { clock, deadlineMs, settleMs, signal: hold.lost }));
    const words = [...stuck, ...kept];
    if (!clean && told !== words.join('\n')) {
      told = words.join('\n');
      await runs.tell(run.id, 'stuck', { stuck, kept });
    }
    if (!clean) await pause(Math.max(0, everyMs - (ticks(clock) - began)), deps);
  }
}
