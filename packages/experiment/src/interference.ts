import type { Neighbour, Run, Stop } from '@haldane/core';
import { hasCode, messageOf } from '@haldane/core';
import { within } from '@haldane/engine';
import { interrogate, targetChanged } from './interrogate.ts';
import { subjectOf } from './subject/subject-of.ts';
import type { Hand, World } from './world.ts';

/** How often it is asked what goes on around a run. */
const everyMs = 10_000;
/** So often, and with so long between, it is asked anew when there is no answer. */
const mostTries = 3;
const againMs = 500;
/** Silence for so long is no answer either, whatever hangs: longer than any one question takes by itself (a policy's program: 10 s). */
const answerMs = 15_000;
/** How long the last look may keep the arms standing. */
const lastLookMs = 5_000;

type Found = Pick<Stop, 'reason' | 'why'>;

/**
 * Watches what goes on around a run: whether its target is still what it was, whether something else happens to it or to what it depends on,
 * whether something has begun to use its twins, and whether the policy still lets it go on. What spoils the comparison is noted in the evidence, so that the judge knows it too.
 */
export class InterferenceGuard {
  readonly #world: World;
  readonly #hand: Hand;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #noted = false;
  #looking: Promise<void> | null = null;
  #seen: Promise<Stop | null> = Promise.resolve(null);

  constructor(world: World, hand: Hand) {
    this.#world = world;
    this.#hand = hand;
  }

  /** Looks now, and waits for the answer. Why the run must stop, or null. */
  async look(run: Run, signal: AbortSignal): Promise<Stop | null> {
    const { clock } = this.#world;
    this.#lookedAt = clock.now();
    const found = await this.#patiently(run, signal);
    if (found === null) return null;
    const at = clock.now();
    if (found.reason !== 'refused') await this.#note(at, false, found.why);
    return { ...found, at };
  }

  /** Looks when it is time to, and waits for nothing: whoever watches users must not. What an earlier look has found, or null. */
  glance(run: Run, signal: AbortSignal): Promise<Stop | null> {
    if (this.#looking === null && this.#world.clock.now() - this.#lookedAt >= everyMs) {
      const looking = this.look(run, signal);
      const done = () => {
        this.#looking = null;
        this.#seen = looking;
      };
      this.#looking = looking.then(done, done);
    }
    const seen = this.#seen;
    this.#seen = Promise.resolve(null);
    return seen;
  }

  /** Once the watch is over: what it saw since the last look counts only if nothing else happened meanwhile. */
  async lookBack(run: Run): Promise<void> {
    if (this.#noted || run.facts.injectedAt === undefined) return;
    let why: string | null;
    try {
      why = (await this.#bounded(lastLookMs, this.#hand.lost, (bounded) => this.#changed(run, bounded)))?.why ?? null;
    } catch (error) {
      why = `what happened around the run could not be asked: ${messageOf(error)}`;
    }
    await this.#note(this.#world.clock.now(), why === null, why ?? 'nothing else happened around the run');
  }

  async #note(at: number, passed: boolean, seen: string): Promise<void> {
    this.#noted = true;
    const check = { name: 'interference', at, passed, seen } as const;
    await this.#world.evidence.append(this.#hand.hold.fence, { checks: [check] });
    await this.#hand.tell('check', check);
  }

  /** Whoever does not answer, or says nothing at all, is asked again before that is taken for a no. */
  async #patiently(run: Run, signal: AbortSignal): Promise<Found | null> {
    for (let tries = 1; ; tries += 1) {
      try {
        const ask = async (bounded: AbortSignal) => (await this.#changed(run, bounded)) ?? (await this.#forbidden(run, bounded));
        return await this.#bounded(answerMs, signal, ask);
      } catch (error) {
        if (signal.aborted || hasCode(error, 'lease-lost') || tries >= mostTries) throw error;
        await this.#world.clock.sleep(againMs, signal);
      }
    }
  }

  /** Not every question heeds its signal: one on a dead connection never ends by itself. */
  #bounded<T>(ms: number, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return within(this.#world.clock, ms, 'looking at what goes on around the run', signal, ask);
  }

  async #forbidden(run: Run, signal: AbortSignal): Promise<Found | null> {
    const { policy, scenario } = this.#world;
    const { deployment } = run.facts;
    if (deployment === undefined || policy === undefined) return null;
    const objections = await policy.objections({ run, deployment, scenario }, signal);
    return objections.length === 0 ? null : { reason: 'refused', why: objections.join('; ') };
  }

  /** What is no longer as it was planned for, or goes on around the run. */
  async #changed(run: Run, signal: AbortSignal): Promise<Found | null> {
    const { platform, policy, scenario, surroundings } = this.#world;
    const planned = run.facts.deployment;
    if (planned === undefined) return null;
    const [said, live, neighbours, disturbances, used] = await Promise.all([
      interrogate(this.#world, run, signal),
      platform.clusters.describe(planned.source, signal),
      surroundings?.look(planned, signal) ?? [],
      policy?.disturbances({ run, deployment: planned, scenario }, signal) ?? [],
      subjectOf(platform, scenario, run.experiment).usedBy(run.id, signal),
    ]);
    const changed = targetChanged(planned, said, live);
    if (changed !== null || live === null) return { reason: 'target-changed', why: changed ?? 'the production cluster is gone' };
    const own = { service: planned.service, revision: live.revision, instances: live.instances.length };
    const others = [
      ...differences([{ ...own, instances: planned.instances }], [own]),
      ...differences(run.facts.neighbours ?? [], neighbours),
      ...disturbances,
      ...used,
    ];
    return others.length === 0 ? null : { reason: 'interference', why: others.join('; ') };
  }
}

/** What happened to services since they were seen first. One that was not seen then is nobody we could compare. */
function differences(before: readonly Neighbour[], after: readonly Neighbour[]): readonly string[] {
  return before.flatMap((was) => {
    const is = after.find(({ service }) => service === was.service);
    if (is === undefined) return [`${was.service} is no longer to be seen`];
    if (is.revision !== was.revision) return [`${was.service} was deployed meanwhile: it now runs ${is.revision}, and ran ${was.revision}`];
    if (is.instances === was.instances) return [];
    return [`${was.service} was scaled meanwhile, from ${was.instances} to ${is.instances} instances`];
  });
}
