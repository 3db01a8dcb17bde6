import type {
  Alert,
  Arm,
  Block,
  Change,
  Check,
  Criteria,
  Decision,
  Deployment,
  Evidence,
  ProbeSecond,
  ProbeSession,
  Run,
  TrafficBlock,
} from '@haldane/core';
import { arms, emptyProbeTally } from '@haldane/core';
import { budgetSpent, knownBy } from '@haldane/judge';
import type { ChangeList } from './changes.ts';
import type { Hand, World } from './world.ts';

/** How long a metric source may be silent before the run stops: no data is never a pass. */
const silentMs = 3_000;
const toldAccepts = 3;
/** Nothing was sent. */
const quiet = { control: emptyProbeTally, experiment: emptyProbeTally };
const quietSecond: Omit<ProbeSecond, 'at'> = { legitimate: quiet, hostile: quiet };
/** How long the last second of a watch may take to close, and how much longer a look at it at most. */
const closingMs = 2_000;
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
  readonly list: ChangeList;
  probes: ProbeSession | null = null;
  /** Slices that give the arms real users now, or gave them last; the latest governs. */
  slices: readonly Change[] = [];
  effectAt: number | null = null;
  heartbeatDone = false;
  heartbeat: { readonly sentAt: number; readonly instance: string; readonly trouble: string | null } | null = null;
  /** Real traffic of the baseline, from which the credit rate is frozen. */
  readonly baselineBlocks: Block[] = [];
  /** Epoch ms: when what the arms are made of began to be made. */
  begunAt: number;
  #names: readonly string[] = [];
  #lastHealthy: Record<Arm, number> = { control: 0, experiment: 0 };
  #reading: Promise<void> | null = null;
  #failed: unknown = null;
  #judge: unknown;
  #after: number;
  /** Seconds up to here are in the evidence already. */
  #stored = 0;
  #lastHeard: number;
  #alertsFrom: number;
  readonly #seenAlerts = new Set<string>();
  readonly #traffic = new Map<number, TrafficBlock>();
  readonly #seconds = new Map<number, ProbeSecond>();
  readonly #known: { checks: Check[]; accepts: Evidence['accepts'][number][]; alerts: Alert[] } = { checks: [], accepts: [], alerts: [] };

  constructor(world: World, hand: Hand, deployment: Deployment, criteria: Criteria, list: ChangeList) {
    this.world = world;
    this.hand = hand;
    this.deployment = deployment;
    this.criteria = criteria;
    this.list = list;
    this.#judge = world.judge.begin(criteria);
    this.#after = 0;
    this.#lastHeard = 0;
    this.begunAt = world.clock.now();
    this.#alertsFrom = this.begunAt;
  }

  /** The arms are twins of a resource: no request reaches them, so nothing is counted but time, and alerts name them. */
  get isOnTwins(): boolean {
    return this.criteria.contactUnit === 'twin';
  }

  /** What the arms are called by where alerts speak of them, beside the run's own id. */
  async called(instances: Evidence['instances']): Promise<void> {
    this.#names = arms.flatMap((arm) => instances[arm]);
    await this.world.evidence.append(this.hand.hold.fence, { instances });
  }

  /** From now on closed seconds are expected: silence counts from here. */
  listen(): void {
    this.#after = Math.floor(this.world.clock.now() / 1000);
    this.#lastHeard = this.world.clock.now();
  }

  /** Goes on from what another runner has stored: the judge is a fold over its blocks. */
  remember(evidence: Evidence): void {
    const { blocks, checks, accepts, alerts, marks, instances } = evidence;
    this.#names = arms.flatMap((arm) => instances[arm]);
    this.begunAt = marks.find(({ phase }) => phase === 'provisioning')?.at ?? this.begunAt;
    for (const block of blocks) this.#judge = this.world.judge.step(this.#judge, block, knownBy(block, evidence)).state;
    this.baselineBlocks.push(...blocks.filter(({ phase }) => phase === 'baseline'));
    this.#known.checks.push(...checks);
    this.#known.accepts.push(...accepts);
    this.#known.alerts.push(...alerts);
    for (const { id } of alerts) this.#seenAlerts.add(id);
    this.effectAt = evidence.effectAt;
    const heard = checks.find(({ name }) => name === 'heartbeat');
    if (heard !== undefined)
      this.heartbeat = { sentAt: heard.at, instance: clusterName(this.hand.hold.fence.runId, 'control'), trouble: null };
    this.heartbeatDone = heard !== undefined;
    this.#alertsFrom = marks[0]?.at ?? this.#alertsFrom;
    this.listen();
    // Read from the beginning, where the source still has it: who was seen before is told apart from who is new by whoever merges them.
    this.#after = Math.min(this.#after, (blocks[0]?.at ?? this.#after + 1) - 1);
    this.#stored = blocks.at(-1)?.at ?? 0;
  }

  /** From now on the run is watched again. */
  async takeUp(): Promise<void> {
    const at = this.world.clock.now();
    this.#lastHeard = at;
    await this.check({ name: 'taken-over', at, passed: true, seen: 'another runner goes on with the run; nobody watched meanwhile' });
  }

  get alerts(): readonly Alert[] {
    return this.#known.alerts;
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
   * Returns the first decision that ends the phase, else to widen when one block allowed it, else the last one; null when no block closed.
   */
  async tick(run: Run, signal: AbortSignal): Promise<Decision | null> {
    const silent = await this.#readTraffic(run, signal);
    if (silent !== null) return { do: 'stop', reason: 'metrics-unavailable', why: silent };
    for (const second of this.probes?.drain() ?? []) this.#seconds.set(second.at, second);
    // A confirmation may take a while; what is to be decided does not wait for it.
    this.#reading ??= this.#readAccepts().finally(() => {
      this.#reading = null;
    });
    if (this.#failed !== null) throw this.#failed;
    await this.readAlerts(run, signal);
    const blocks = await this.#pair(run, run.phase, signal);
    if (blocks.length === 0) return this.#spentAlready(run);
    // In one breath, so that a store that can writes both at once; nothing is decided before all of it is stored.
    const writing: Promise<void>[] = [this.world.evidence.append(this.hand.hold.fence, { blocks })];
    let decision: Decision | null = null;
    let widen: Decision | null = null;
    for (const block of blocks) {
      if (run.phase === 'baseline') this.baselineBlocks.push(block);
      const stepped = this.world.judge.step(this.#judge, block, this.#known);
      this.#judge = stepped.state;
      decision = stepped.decision;
      if (decision.do === 'widen') widen = decision;
      writing.push(this.hand.tell('block', summary(block, decision)));
      if (isLast(decision)) break;
    }
    await Promise.all(writing);
    if (decision !== null && isLast(decision)) return decision;
    return this.#spentAlready(run) ?? widen ?? decision;
  }

  /**
   * The second that still counts may say it already: a budget that is spent stays spent, so users leave now and not when the second is
   * closed. Its block, from which the judge says the same, is stored with the last ones.
   */
  #spentAlready(run: Run): Decision | null {
    const open = this.world.metrics.open?.(run.id);
    const why = open ? budgetSpent(open.budget) : null;
    return why === null ? null : { do: 'stop', reason: 'budget-spent', why };
  }

  async #readTraffic(run: Run, signal: AbortSignal): Promise<string | null> {
    const reading = await this.world.metrics.read(run.id, this.#after, signal);
    const now = this.world.clock.now();
    if (reading.state === 'ok' && reading.points.length > 0) {
      this.#lastHeard = now;
      for (const point of reading.points) {
        if (point.at > this.#stored) this.#traffic.set(point.at, point);
        this.#after = Math.max(this.#after, point.at);
      }
    }
    if (now - this.#lastHeard <= silentMs + (this.world.metrics.lateMs?.(run.id) ?? 0)) return null;
    const why = reading.state === 'unavailable' ? reading.why : 'no closed block arrived';
    return `${this.world.metrics.id} has been silent for ${((now - this.#lastHeard) / 1000).toFixed(1)} s: ${why}`;
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

  /** Fetches alerts that arrived since the last look. */
  async readAlerts(run: Run, signal: AbortSignal): Promise<void> {
    if (this.world.alerts === null) return;
    const now = this.world.clock.now();
    const reading = await this.world.alerts.alerts(run.id, { from: this.#alertsFrom, to: now }, signal);
    if (reading.state !== 'ok') return;
    const fresh = reading.points.filter((alert) => !this.#seenAlerts.has(alert.id) && this.#isOurs(alert));
    for (const alert of fresh) this.#seenAlerts.add(alert.id);
    if (fresh.length === 0) return;
    this.#known.alerts.push(...fresh);
    await this.world.evidence.append(this.hand.hold.fence, { alerts: fresh });
    for (const alert of fresh)
      await this.hand.tell('alert', { rule: alert.rule, receiver: alert.receiver, receivedAt: alert.receivedAt, ...alert.fields });
  }

  /** Alerts about other services and other runs are none of this run's evidence. */
  #isOurs(alert: Alert): boolean {
    const names = [this.hand.hold.fence.runId, ...this.#names];
    return Object.values(alert.fields).some((value) => names.some((name) => value.includes(name)));
  }

  /** Joins the two halves of each second, in order. A second whose other half never comes is a gap, not a zero. */
  async #pair(run: Run, phase: Block['phase'], signal: AbortSignal): Promise<readonly Block[]> {
    const ready = [...this.#traffic.keys()].filter((at) => this.isOnTwins || this.#seconds.has(at)).sort((a, b) => a - b);
    const newest = ready.at(-1);
    if (newest === undefined) return [];
    // After the end the arms are on their way out: what they were at the last look is what the open second had.
    if (run.phase === phase && !this.isOnTwins) this.#lastHealthy = await this.#healthy(run, signal);
    const healthy = this.#lastHealthy;
    const blocks = ready.map((at) => {
      const traffic = this.#traffic.get(at) as TrafficBlock;
      const second = this.#seconds.get(at) ?? quietSecond;
      return { ...traffic, phase, legitimate: second.legitimate, hostile: second.hostile, healthy };
    });
    for (const half of [this.#traffic, this.#seconds]) for (const at of half.keys()) if (at <= newest) half.delete(at);
    return blocks;
  }

  async #healthy(run: Run, signal: AbortSignal): Promise<Record<Arm, number>> {
    const count = async (arm: Arm) =>
      (await this.world.platform.clusters.describe(clusterName(run.id, arm), signal))?.instances.filter((one) => one.healthy).length ?? 0;
    const [control, experiment] = await Promise.all(arms.map(count));
    return { control: control ?? 0, experiment: experiment ?? 0 };
  }

  /** No more synthetic requests are sent: they must not arrive when the arms are gone. */
  quiet(): void {
    for (const arm of arms) this.probes?.flow(arm, []);
  }

  /**
   * Stores the seconds up to the end of the watch that were still open when it ended, so that what was seen last counts too. They belong
   * to the phase that they happened in. Where what happens is told in a later second, so do those up to which it may be.
   */
  async finish(run: Run, phase: Block['phase'], endedAt: number): Promise<void> {
    const lateMs = this.world.metrics.lateMs?.(run.id) ?? 0;
    const last = Math.floor(endedAt / 1000) + Math.ceil(lateMs / 1000);
    const withinMs = closingMs + 2 * lateMs;
    const until = this.world.clock.now() + withinMs;
    const signal = AbortSignal.timeout(withinMs + lookingMs);
    await this.#reading;
    await this.#readAccepts();
    for (;;) {
      const silent = await this.#readTraffic(run, signal);
      for (const second of this.probes?.drain() ?? []) this.#seconds.set(second.at, second);
      const blocks = (await this.#pair(run, phase, signal)).filter((block) => block.at <= last);
      if (blocks.length > 0) await this.world.evidence.append(this.hand.hold.fence, { blocks });
      // Whoever is silent for so long is not waited for: the arms still stand.
      if (silent !== null || this.world.clock.now() >= until) return;
      if (blocks.some((block) => block.at >= last) || this.#after >= last + 1) return;
      await this.world.clock.sleep(50, signal);
    }
  }

  /** Stores what only this runner has seen, and ends its streams: another goes on with the run. */
  async leave(injectedAt: number | null): Promise<void> {
    this.quiet();
    this.world.metrics.leave?.(this.hand.hold.fence.runId);
    await this.#reading;
    await this.#readAccepts();
    if (this.#failed !== null) throw this.#failed;
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

/** Whether nothing is watched any longer in this phase. */
function isLast(decision: Decision): boolean {
  return decision.do === 'next' || decision.do === 'stop';
}

/** The name of an arm's cluster, from which everybody finds it. */
export function clusterName(runId: string, arm: Arm): string {
  return `${runId}.${arm}`;
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
