import type { Change, Decision, Run } from '@haldane/core';
import { HaldaneError, hasCode, messageOf, untraced } from '@haldane/core';
import { perform, type StageOutcome, type Stages, undo } from '@haldane/engine';
import { creditRateOf } from './credit.ts';
import { criteriaOf } from './criteria.ts';
import { lookContained, probeEffect, probeHeal } from './inject.ts';
import { InterferenceGuard } from './interference.ts';
import { interrogate } from './interrogate.ts';
import { judgeRun } from './judge.ts';
import { marked } from './marked.ts';
import { listenFor, lookForHeartbeat, sendHeartbeat } from './noticed.ts';
import { objectionsTo, reserveFor } from './plan/allowed.ts';
import { makePlan } from './plan/plan.ts';
import { lookWhole, putBack } from './restored.ts';
import { Session } from './session/session.ts';
import { startStreams } from './session/streams.ts';
import { subjectOf } from './subject/subject-of.ts';
import { endedMeanwhile, slicesStanding } from './taken-over.ts';
import type { Hand, World } from './world.ts';

/** How long taking users off before the injection may take; longer is an error, and everything is put back. */
const undoWithinMs = 10_000;
/** How often closed seconds are looked for: a block is acted on within this of its closing. */
const tickMs = 100;

type Story = {
  readonly stages: Stages<undefined>;
  /** Makes a run that is between two stages ready for another runner: what only this one has seen is stored, and its streams end. */
  leave(run: Run): Promise<void>;
};

/**
 * The whole experiment, told in order. Each stage looks at the run, does one thing, and says whether it is done, must stop, or
 * wants to be asked again. A stop from any stage after planning leads to restoring: that is the machine's business, not a stage's.
 */
export function story(world: World, hand: Hand): Story {
  const { trace = untraced } = world;
  let session: Session | null = null;
  let since = world.clock.now();
  const guard = new InterferenceGuard(world, hand);
  /** The phase that was watched last. */
  let watched: 'baseline' | 'injecting' | 'proving' | 'observing' | null = null;

  const make = async (change: Change, signal: AbortSignal) => {
    const { applyTimeoutMs, clock, platform } = world;
    const patienceMs = platform.patience?.applyMs ?? 0;
    await perform(world.journal, world.kinds, hand.hold, change, { applyTimeoutMs, patienceMs, clock, signal, trace });
    await hand.tell('change', { id: change.id, does: change.does, made: true });
  };
  const unmake = async (change: Change, signal: AbortSignal) => {
    await undo(world.journal, world.kinds, hand.hold, change.id, { clock: world.clock, deadlineMs: undoWithinMs, signal, trace });
    await hand.tell('change', { id: change.id, does: change.undo, made: false });
  };
  /** Real users come; whatever the change comes to, restoring takes them off again first of all. */
  const letIn = async (slice: Change, signal: AbortSignal) => {
    inHand().slices = [...inHand().slices, slice];
    await make(slice, signal);
  };
  const watchSlices = (run: Run) => inHand().list.watchSlices(run.facts.baseline?.creditRate ?? 0);
  const inHand = (): Session => {
    if (session === null) throw new HaldaneError('internal', 'a stage that watches was entered without the stages before it');
    return session;
  };
  const begin = (run: Run): Session => {
    const deployment = run.facts.deployment;
    if (deployment === undefined) throw new HaldaneError('internal', 'a run was provisioned that was never planned');
    const subject = subjectOf(world.platform, world.scenario, run.experiment);
    return new Session(world, hand, deployment, criteriaOf(run, world.platform, world.scenario), subject);
  };

  /**
   * Goes on where another runner left the run. Nobody renewed its effects in between: what has ended by itself is a run that was lost,
   * however it was left.
   */
  const takeOver = async (run: Run, signal: AbortSignal): Promise<StageOutcome | null> => {
    if (run.phase !== 'judging') {
      const ended = await endedMeanwhile(world, run.id, signal);
      const why = `${ended.join(', ')} ended before another runner went on with the run; it is put back and not resumed`;
      if (ended.length > 0) return stop('lease-lost', why, world, {});
    }
    await hand.tell('note', { takenOver: run.phase });
    if (run.phase === 'provisioning') return null;
    const held = begin(run);
    held.remember(await world.evidence.read(run.id));
    session = held;
    if (run.phase === 'routing' || run.phase === 'judging') return null;
    const slices = run.phase === 'observing' ? watchSlices(run) : [held.list.baselineSlice];
    held.slices = await slicesStanding(world, run.id, slices);
    if (held.list.attach !== null) await startStreams(held, run, signal);
    await held.takeUp();
    return null;
  };

  const stages: Stages<undefined> = {
    async planning(run, _context, signal) {
      const deployment = await interrogate(world, run, signal);
      const made = await makePlan(
        {
          runId: run.id,
          spec: run.experiment,
          deployment,
          platform: world.platform,
          scenario: world.scenario,
          metrics: world.metrics,
          alerts: world.alerts,
        },
        signal,
      );
      const objections = [...made.refusals, ...(await objectionsTo(world, run, deployment, signal))];
      // Last, so that nothing is set aside for a run that is refused anyway.
      const refusals = objections.length > 0 ? objections : await reserveFor(world, run, deployment);
      const plan = { ...made, refusals };
      if (refusals.length > 0) return stop('refused', refusals.join('; '), world, { deployment, plan });
      const neighbours = (await world.surroundings?.look(deployment, signal)) ?? [];
      return { done: true, learned: { deployment, plan, neighbours } };
    },

    async provisioning(run, _context, signal) {
      if (session === null) {
        session = begin(run);
        since = world.clock.now();
        for (const together of session.list.provision) await allOf(together.map((change) => make(change, signal)));
      }
      const made = await session.subject.ready(run.id, session.deployment, world.clock.now() - since, signal);
      if (made === null) return again();
      await session.called(made.names);
      await session.check({ name: 'arms-equal', at: world.clock.now(), passed: made.passed, seen: made.seen });
      if (!made.passed) return stop('invalid-arms', 'the arms are not equal to each other and to what is live', world, {});
      return { done: true };
    },

    async routing(run, _context, signal) {
      const { list } = inHand();
      if (list.attach !== null) {
        await make(list.attach, signal);
        await startStreams(inHand(), run, signal);
      }
      inHand().listen();
      if (list.baselineSlice !== null) await letIn(list.baselineSlice, signal);
      return { done: true };
    },

    async baseline(run, _context, signal) {
      watched = 'baseline';
      const held = inHand();
      await sendHeartbeat(held, run, signal);
      const decision = await held.tick(run, signal);
      // Whether the alert pipeline is alive must be known before there is something to alert of.
      const heard = await lookForHeartbeat(held, run);
      if (decision?.do === 'next' && !heard) return again();
      return follow(decision, world, () => {
        const first = held.baselineBlocks[0]?.at ?? 0;
        return { baseline: { creditRate: creditRateOf(held.baselineBlocks), from: first, to: held.baselineBlocks.at(-1)?.at ?? first } };
      });
    },

    async injecting(run, _context, signal) {
      watched = 'injecting';
      const held = inHand();
      // Users leave before the harm is made, and come back only when the door was shown to be shut.
      if (held.list.baselineSlice !== null) await unmake(held.list.baselineSlice, signal);
      await hand.tell('note', { judge: world.judge.id, changes: held.list.inject.length, fault: run.experiment.fault });
      const injectedAt = world.clock.now();
      try {
        for (const change of held.list.inject) await make(change, signal);
        // Control keeps to valid requests: its share of the hostile stream is sent with valid credentials.
        if (run.experiment.fault && held.criteria.act === 'request') held.probes?.flow('experiment', ['legitimate', 'hostile']);
        if (run.experiment.fault) await trace('prove effect', { run: run.id }, () => probeEffect(held, run, world.clock.now(), signal));
      } catch (error) {
        // The change may have been made: whatever went wrong after, the verdict must know when.
        if (signal.aborted || hasCode(error, 'lease-lost')) throw error;
        return { stop: { reason: 'error', why: messageOf(error), at: world.clock.now() }, learned: { injectedAt } };
      }
      return { done: true, learned: { injectedAt } };
    },

    async proving(run, _context, signal) {
      watched = 'proving';
      const result = follow(await inHand().tick(run, signal), world, () => ({}));
      if ('done' in result) {
        inHand().slices = [];
        const [first] = watchSlices(run);
        if (first !== undefined) await letIn(first, signal);
      }
      return result;
    },

    async observing(run, _context, signal) {
      watched = 'observing';
      const decision = await inHand().tick(run, signal);
      if (decision?.do === 'widen') {
        // The slice before stays as it is: its users are among those of the next, and nobody moves.
        const next = watchSlices(run)[inHand().slices.length];
        await hand.tell('note', { ramp: decision.why });
        if (next !== undefined) await letIn(next, signal);
        return again();
      }
      return follow(decision, world, () => ({ decidedAt: world.clock.now() }));
    },

    async restoring(run) {
      const endedAt = run.stop?.at ?? world.clock.now();
      let offAt: number | null = null;
      if (session !== null) {
        const held = session;
        held.quiet();
        await quietly(lookContained(held, run, AbortSignal.timeout(2_000)), hand);
        // First of all users and fault, which nothing stands on; then what was seen last, while the arms are still there to ask.
        const off = async (change: Change) => {
          await unmake(change, hand.lost);
          offAt = world.clock.now();
        };
        await Promise.allSettled([...held.slices.map(off), ...held.list.inject.map((change) => unmake(change, hand.lost))]);
        // What could not be taken off is still tried; whoever waits for its users' answers waits from the last try on.
        const emptyAt = offAt ?? world.clock.now();
        hand.lost.throwIfAborted();
        await Promise.all([
          quietly(
            trace('prove heal', { run: run.id }, () => probeHeal(held, run, AbortSignal.timeout(2_000))),
            hand,
          ),
          quietly(guard.lookBack(run), hand),
        ]);
        if (watched !== null) await quietly(held.finish(run, watched, endedAt, emptyAt), hand);
      }
      const back = await putBack(world, hand, run.id);
      await quietly(session?.close(run.facts.injectedAt ?? null), hand);
      const restored = await lookWhole(world, hand, run, back);
      return { done: true, learned: { restored, ...(offAt === null ? {} : { offAt }) } };
    },

    async judging(run, _context, signal) {
      if (session !== null) {
        await session.keepUntold();
        await session.readAlerts(signal);
        // A person who asked to stop, and a runner that shuts down, are not kept waiting for an alert.
        const wait = run.abortAsked === null ? listenFor(session, run) : 0;
        if (wait > 0) return again(Math.min(wait, 250));
      }
      const listenedUntil = session === null ? null : session.inbox.heardUntil;
      return { done: true, learned: { listenedUntil, verdict: await judgeRun(world, { ...run, facts: { ...run.facts, listenedUntil } }) } };
    },

    async reporting(run) {
      if (world.policy !== undefined) {
        const { blocks } = await world.evidence.read(run.id);
        await world.policy.settle(run.id, blocks.at(-1)?.budget.spent ?? 0);
      }
      await world.publish(run);
      return { done: true };
    },
  };
  // Whoever lost the run must fall silent: streams that go on would knock at doors that are no longer its own.
  hand.lost.addEventListener('abort', () => void session?.fallSilent(), { once: true });
  return {
    stages: marked(stages, world, hand, guard, takeOver),
    leave: async (run) => {
      await session?.leave(run.facts.injectedAt ?? null);
      await hand.tell('note', { handedOver: run.phase });
    },
  };
}

/** Waits for all of them, also when one fails: none may go on behind our back. Then throws the first failure. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function again(afterMs = tickMs): StageOutcome {
  return { again: true, afterMs };
}

function stop(reason: 'refused' | 'invalid-arms' | 'lease-lost', why: string, world: World, learned: Run['facts']): StageOutcome {
  return { stop: { reason, why, at: world.clock.now() }, learned };
}

/** Turns the judge's decision into the stage's answer; `learn` says what a stage that is done has learned. */
function follow(decision: Decision | null, world: World, learn: () => Run['facts']): StageOutcome {
  if (decision === null || decision.do === 'go-on' || decision.do === 'widen') return again();
  if (decision.do === 'next') return { done: true, learned: learn() };
  const at = world.clock.now();
  return { stop: { reason: decision.reason, why: decision.why, at }, learned: { decidedAt: at } };
}

/** Looking must never hinder putting back. */
async function quietly(work: Promise<void> | undefined, hand: Hand): Promise<void> {
  try {
    await work;
  } catch (error) {
    await hand.tell('note', { during: 'restoring', failed: messageOf(error) });
  }
}
