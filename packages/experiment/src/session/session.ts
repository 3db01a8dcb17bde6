import {
  type Arm,
  arms,
  type Block,
  type Change,
  type Check,
  type Criteria,
  type Decision,
  type Deployment,
  type Evidence,
  hasCode,
  messageOf,
  type ProbeSession,
  type Run,
} from '@haldane/core';
import { budgetSpent, knownBy, letInAlready } from '@haldane/judge';
import type { ChangeList } from '../subject/change-list.ts';
import type { Subject } from '../subject/subject.ts';
import type { Hand, World } from '../world.ts';
import { Health } from './health.ts';
import { Inbox } from './inbox.ts';
import { Seconds } from './seconds.ts';

const toldAccepts = 3;
/** How long the last second of a watch may take to close, as long as a source may be silent; and how much longer a look at it at most. */
const closingMs = 3_000;
const lookingMs = 3_000;

/**
 * What one runner holds in memory of the run it drives: open probe streams, the judge's state, seconds whose halves have not met.
 * None of it is needed to put things back; a run that loses it is restored, never resumed. A runner that hands a run over lets its
 * successor make all of it again but those seconds: they are a gap.
 */
export class Session {
  readonly world: World;
  readonly hand: Hand;
  readonly deployment: Deployment;
  readonly criteria: Criteria;
  readonly subject: Subject;
  readonly list: ChangeList;
  readonly inbox: Inbox;
  probes: ProbeSession | null = null;
  /** Slices that give the arms real users now, or gave them last; the latest governs. */
  slices: readonly Change[] = [];
  effectAt: number | null = null;
  heartbeatDone = false;
  heartbeat: { readonly sentAt: number; readonly trouble: string | null } | null = null;
  /** Real traffic of the baseline, from which the credit rate is frozen. */
  readonly baselineBlocks: Block[] = [];
  /** Epoch ms: when what the arms are made of began to be made. */
  begunAt: number;
  /** Epoch second of the last block in the evidence; before there is one, of the last second that is none. */
  #storedUntil = 0;
  #untold: Check | null = null;
  #reading: Promise<void> | null = null;
  #failed: unknown = null;
  #judge: unknown;
  readonly #seconds: Seconds;
  readonly #health: Health;
  readonly #known: { checks: Check[]; accepts: Evidence['accepts'][number][] } = { checks: [], accepts: [] };

  constructor(world: World, hand: Hand, deployment: Deployment, criteria: Criteria, subject: Subject) {
    const { runId } = hand.hold.fence;
    this.world = world;
    this.hand = hand;
    this.deployment = deployment;
    this.criteria = criteria;
    this.subject = subject;
    this.list = subject.changes(runId, deployment);
    this.inbox = new Inbox(world.alerts, world.clock, runId);
    this.#seconds = new Seconds(world.metrics, world.clock, runId, this.list.attach !== null);
    this.#health = new Health((signal) => subject.healthy(runId, signal), world.clock);
    this.#judge = world.judge.begin(criteria);
    this.begunAt = world.clock.now();
  }

  /** What the arms are called by where alerts speak of them, beside the run's own id. */
  async called(instances: Evidence['instances']): Promise<void> {
    this.inbox.nameArms(instances);
    await this.world.evidence.append(this.hand.hold.fence, { instances });
  }

  /** From now on closed seconds are expected: silence counts from here. */
  listen(): void {
    this.#storedUntil = Math.floor(this.world.clock.now() / 1000);
    this.#seconds.listen();
  }

  /** Goes on from what another runner has stored: the judge is a fold over its blocks. */
  remember(evidence: Evidence): void {
    const { blocks, checks, accepts, marks } = evidence;
    this.inbox.remember(evidence);
    this.#seconds.remember(blocks);
    this.#storedUntil = blocks.at(-1)?.at ?? Math.floor(this.world.clock.now() / 1000);
    this.begunAt = marks.find(({ phase }) => phase === 'provisioning')?.at ?? this.begunAt;
    for (const block of blocks) this.#judge = this.world.judge.step(this.#judge, block, knownBy(block, evidence)).state;
    this.baselineBlocks.push(...blocks.filter(({ phase }) => phase === 'baseline'));
    this.#known.checks.push(...checks);
    this.#known.accepts.push(...accepts);
    this.effectAt = evidence.effectAt;
    const heard = checks.find(({ name }) => name === 'heartbeat');
    if (heard !== undefined) this.heartbeat = { sentAt: heard.at, trouble: null };
    this.heartbeatDone = heard !== undefined;
  }

  /** From now on the run is watched again. */
  async takeUp(): Promise<void> {
    const at = this.world.clock.now();
    this.#seconds.forgiveSilence();
    await this.check({
      name: 'taken-over',
      at,
      passed: true,
      seen: 'another runner goes on with the run; nobody watched meanwhile, and seconds that were not stored are a gap',
    });
  }

  /** The last look at something; null when nobody looked. */
  lastCheck(name: Check['name']): Check | null {
    return this.#known.checks.filter((check) => check.name === name).at(-1) ?? null;
  }

  /** Stores a check, tells of it, and lets the judge see it from the next block on. */
  async check(check: Check): Promise<void> {
    this.#known.checks.push(check);
    await this.world.evidence.append(this.hand.hold.fence, { checks: [check] });
    await this.hand.tell('check', check);
  }

  /**
   * Reads what closed since the last tick, stores it, and asks the judge about each block in order.
   * Returns what holds after all of them; null when no block closed.
   */
  async tick(run: Run, signal: AbortSignal): Promise<Decision | null> {
    const silent = await this.#seconds.read(this.probes, signal);
    if (silent !== null) return { do: 'stop', reason: 'metrics-unavailable', why: silent };
    // A confirmation may take a while; what is to be decided does not wait for it.
    this.#reading ??= this.#readAccepts().finally(() => {
      this.#reading = null;
    });
    if (this.#failed !== null) throw this.#failed;
    await this.#readAlertsPatiently(signal);
    await this.#health.look(signal);
    const blocks = this.#closed(run.phase);
    if (blocks.length === 0) return this.#knownAlready(run);
    // In one breath, so that a store that can writes both at once; nothing is decided before all of it is stored.
    const writing: Promise<void>[] = [this.#store(blocks)];
    let decision: Decision | null = null;
    for (const block of blocks) {
      if (run.phase === 'baseline') this.baselineBlocks.push(block);
      const stepped = this.world.judge.step(this.#judge, block, this.#known);
      this.#judge = stepped.state;
      decision = whatHolds(decision, stepped.decision);
      writing.push(this.hand.tell('block', summary(block, stepped.decision)));
    }
    await Promise.all(writing);
    return isLast(decision) ? decision : (this.#knownAlready(run) ?? decision);
  }

  /**
   * What no later count can undo ends the run before its second is closed, so users leave now: a budget that is spent, and where users are counted
   * late a door that stands open, which Haldane's own requests have found already. The block, from which the judge says the same, is stored with the last ones.
   */
  #knownAlready(run: Run): Decision | null {
    const { metrics } = this.world;
    const open = metrics.open?.(run.id);
    const spent = open ? budgetSpent(open.budget) : null;
    if (spent !== null) return { do: 'stop', reason: 'budget-spent', why: spent };
    const letIn = (metrics.lateMs?.(run.id) ?? 0) > 0 ? letInAlready(this.#known.accepts) : null;
    return letIn === null ? null : { do: 'stop', reason: 'breach', why: letIn };
  }

  /** Never rejects: what failed is thrown by the next tick, whoever waits for this. */
  async #readAccepts(): Promise<void> {
    try {
      const accepts = (await this.probes?.accepts()) ?? [];
      if (accepts.length === 0) return;
      const before = this.#known.accepts.length;
      this.#known.accepts.push(...accepts);
      await this.world.evidence.append(this.hand.hold.fence, { accepts });
      // An open door lets in many: the first few tell the story, all of them are evidence.
      for (const accept of accepts.slice(0, Math.max(0, toldAccepts - before))) await this.hand.tell('accept', accept);
    } catch (error) {
      this.#failed = error;
    }
  }

  /** Fetches alerts that arrived since the last look, and notes when nobody could say whether any did. What cannot be stored is stored with the next look. */
  async readAlerts(signal: AbortSignal): Promise<void> {
    await this.inbox.read(signal);
    await this.#keepFound();
  }

  /** The same, but a database that is away ends nothing: it is the one that alerts could not be read from. */
  async #readAlertsPatiently(signal: AbortSignal): Promise<void> {
    try {
      await this.readAlerts(signal);
    } catch (error) {
      if (!hasCode(error, 'unavailable')) throw error;
    }
  }

  async #keepFound(): Promise<void> {
    const { alerts, checks } = this.inbox.found;
    if (alerts.length === 0 && checks.length === 0) return;
    await this.world.evidence.append(this.hand.hold.fence, { alerts, checks });
    this.inbox.kept();
    this.#known.checks.push(...checks);
    for (const check of checks) await this.hand.tell('check', check);
    for (const { rule, receiver, receivedAt, fields } of alerts) await this.hand.tell('alert', { rule, receiver, receivedAt, ...fields });
  }

  /** Seconds that are whole by now, as evidence. After the end the arms are on their way out: the last look before it is what the open second had. */
  #closed(phase: Block['phase']): readonly Block[] {
    return this.#seconds.take().map((second) => ({ ...second, phase, healthy: this.#health.at(second.at) }));
  }

  /** No more synthetic requests are sent: they must not arrive when the arms are gone. */
  quiet(): void {
    for (const arm of arms) this.probes?.flow(arm, []);
  }

  /**
   * Stores the seconds up to the end of the watch that were still open when it ended, so that what was seen last counts too. They belong
   * to the phase that they happened in. Where what happens is told in a later second, so do those up to which it may be. That they were not
   * told is a check: no data is never a pass. `offAt`: since when no user is sent to the arms.
   */
  async finish(run: Run, phase: Block['phase'], endedAt: number, offAt: number): Promise<void> {
    const lateMs = this.world.metrics.lateMs?.(run.id) ?? 0;
    const ended = Math.floor(endedAt / 1000);
    const last = this.world.metrics.standsBy?.(Math.floor(offAt / 1000)) ?? ended + Math.ceil(lateMs / 1000);
    let untold: string | null;
    try {
      untold = await this.#readUpTo(last, phase, closingMs + lateMs + (last - ended) * 1000);
    } catch (error) {
      untold = messageOf(error);
    }
    if (untold === null) return;
    const seen = `of the last ${last - this.#storedUntil} s in which the watch's users are counted nothing was told: ${untold}`;
    this.#untold = { name: 'counted', at: (this.#storedUntil + 1) * 1000, passed: false, seen };
    await this.keepUntold();
  }

  /** Stores that the end of the watch was not told, where it was not and the evidence does not say so yet. */
  async keepUntold(): Promise<void> {
    if (this.#untold === null) return;
    await this.check(this.#untold);
    this.#untold = null;
  }

  /** Stores what closes until all up to `last` was heard; then null, else in words why it was not. */
  async #readUpTo(last: number, phase: Block['phase'], withinMs: number): Promise<string | null> {
    const until = this.world.clock.now() + withinMs;
    const signal = AbortSignal.timeout(withinMs + lookingMs);
    await this.#reading;
    await this.#readAccepts();
    for (;;) {
      const silent = await this.#seconds.read(this.probes, signal);
      const blocks = this.#closed(phase).filter((block) => block.at <= last);
      if (blocks.length > 0) await this.#store(blocks);
      if (this.#storedUntil >= last || this.#seconds.isPast(last)) return null;
      // Whoever is silent for so long is not waited for: the arms still stand.
      if (silent !== null) return silent;
      if (this.world.clock.now() >= until) return `${this.world.metrics.id} did not tell it within ${Math.ceil(withinMs / 1000)} s`;
      await this.world.clock.sleep(50, signal);
    }
  }

  async #store(blocks: readonly Block[]): Promise<void> {
    await this.world.evidence.append(this.hand.hold.fence, { blocks });
    this.#storedUntil = blocks.at(-1)?.at ?? this.#storedUntil;
  }

  /** Stores what only this runner has seen, and ends its streams: another goes on with the run. */
  async leave(injectedAt: number | null): Promise<void> {
    this.quiet();
    this.world.metrics.leave?.(this.hand.hold.fence.runId);
    await this.#reading;
    await this.#readAccepts();
    if (this.#failed !== null) throw this.#failed;
    await this.#keepFound();
    await this.keepUntold();
    await this.close(injectedAt);
  }

  /** Ends the streams without a word: the run is no longer ours to write about. */
  async fallSilent(): Promise<void> {
    this.world.metrics.leave?.(this.hand.hold.fence.runId);
    const probes = this.probes;
    this.probes = null;
    await probes?.stop().catch(() => undefined);
  }

  /** Ends the streams and keeps what the synthetic answers looked like since the injection. */
  async close(injectedAt: number | null): Promise<void> {
    const probes = this.probes;
    if (probes === null) return;
    this.probes = null;
    try {
      await probes.stop();
    } finally {
      if (injectedAt !== null) await this.world.evidence.append(this.hand.hold.fence, { features: probes.features(injectedAt) });
    }
  }
}

/**
 * What holds after another block of a batch: the first stop, else that the phase is over, else to widen when one block allowed it, else the last
 * one. A source may tell a minute at once: what it tells after the second that ended a phase well may stop the run all the same; only that the
 * phase took too long says nothing when it was over before.
 */
function whatHolds(before: Decision | null, now: Decision): Decision {
  if (before === null || before.do === 'go-on') return now;
  if (before.do === 'stop') return before;
  if (now.do === 'stop') return before.do === 'next' && now.reason === 'deadline' ? before : now;
  return now.do === 'next' && before.do === 'widen' ? now : before;
}

/** Whether nothing is watched any longer in this phase. */
function isLast(decision: Decision | null): boolean {
  return decision?.do === 'next' || decision?.do === 'stop';
}

/** What a block says on a screen: the two arms side by side and what is left of the budget. */
function summary(block: Block, decision: Decision) {
  const side = (arm: Arm) => ({
    requests: block.real[arm].requests,
    failures: block.real[arm].failures,
    legitimate: block.legitimate[arm].sent,
    hostile: block.hostile[arm].sent,
    accepted: block.hostile[arm].accepted,
    met: block.met[arm],
  });
  return {
    at: block.at,
    phase: block.phase,
    production: block.real.production.requests,
    control: side('control'),
    experiment: side('experiment'),
    budget: block.budget,
    progress: decision.do === 'go-on' ? decision.progress : decision.why,
  };
}
