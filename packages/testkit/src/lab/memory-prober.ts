import type {
  Accept,
  Answer,
  Arm,
  Clock,
  Feature,
  ProbePlan,
  Prober,
  ProbeSecond,
  ProbeSession,
  ProbeStream,
  ProbeTally,
} from '@haldane/core';
import { arms } from '@haldane/core';
import { Carry, conductOf, lastClosedSecond, type Script } from './conduct.ts';
import type { History } from './history.ts';

export type ProberOptions = { readonly clock: Clock; readonly history: History; readonly script: Script };

/** A request that was sent by itself, outside every stream. */
export type Sent = { readonly runId: string; readonly name: string; readonly arm: Arm; readonly at: number };

/** Synthetic requests that a scripted service answers. What flows where is in the history, as `flow:<run>.<arm>.<kind>`. */
export class MemoryProber implements Prober {
  readonly sent: Sent[] = [];
  /** Sessions that were not ended. */
  open = 0;
  readonly #options: ProberOptions;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  async start(plan: ProbePlan): Promise<ProbeSession> {
    this.open += 1;
    return new MemorySession(this.#options, plan, this.sent, () => {
      this.open -= 1;
    });
  }
}

class MemorySession implements ProbeSession {
  readonly #options: ProberOptions;
  readonly #plan: ProbePlan;
  readonly #sent: Sent[];
  readonly #ended: () => void;
  readonly #carry = new Carry();
  readonly #flowing = new Map<Arm, readonly ProbeStream['kind'][]>();
  readonly #counted = { control: 0, experiment: 0 };
  #accepts: Accept[] = [];
  #next: number;

  constructor(options: ProberOptions, plan: ProbePlan, sent: Sent[], ended: () => void) {
    this.#options = options;
    this.#plan = plan;
    this.#sent = sent;
    this.#ended = ended;
    this.#next = Math.floor(options.clock.now() / 1000);
  }

  flow(arm: Arm, kinds: readonly ProbeStream['kind'][]): void {
    this.#flowing.set(arm, kinds);
    const names = arms.flatMap((one) => (this.#flowing.get(one) ?? []).map((kind) => this.#flowName(one, kind)));
    this.#options.history.record(`probes of ${this.#plan.seed}`, names, this.#options.clock.now());
  }

  drain(): readonly ProbeSecond[] {
    const seconds: ProbeSecond[] = [];
    for (const last = lastClosedSecond(this.#options.clock.now()); this.#next <= last; this.#next += 1)
      seconds.push(this.#count(this.#next));
    return seconds;
  }

  async accepts(): Promise<readonly Accept[]> {
    const found = this.#accepts;
    this.#accepts = [];
    return found;
  }

  features(): readonly Feature[] {
    return [{ kind: 'class', name: 'legitimate: success', ...this.#counted }];
  }

  async once({ name }: { readonly name: string }, arm: Arm): Promise<Answer> {
    this.#sent.push({ runId: this.#plan.seed, name, arm, at: this.#options.clock.now() });
    return { request: name, forgery: null, class: 'success', outcome: 'accepted', status: 200, latencyMs: 3 };
  }

  async stop(): Promise<void> {
    for (const arm of arms) this.flow(arm, []);
    this.#ended();
  }

  #flowName(arm: Arm, kind: ProbeStream['kind']): string {
    return `flow:${this.#plan.seed}.${arm}.${kind}`;
  }

  #count(at: number): ProbeSecond {
    const part = (arm: Arm, kind: ProbeStream['kind']) => this.#options.history.part(this.#flowName(arm, kind), at * 1000, (at + 1) * 1000);
    const rate = (which: (stream: ProbeStream) => boolean) =>
      this.#plan.streams.filter(which).reduce((sum, stream) => sum + stream.rate, 0);
    const byArm = (of: (arm: Arm) => ProbeTally) => ({ control: of('control'), experiment: of('experiment') });
    const twins = (arm: Arm) => Math.max(0, part(arm === 'control' ? 'experiment' : 'control', 'hostile') - part(arm, 'hostile'));
    return {
      at,
      legitimate: byArm((arm) => {
        const own = rate(({ kind }) => kind === 'legitimate') * part(arm, 'legitimate');
        const sent = Math.round(own + rate(({ validTwin }) => validTwin === true) * twins(arm));
        const failed = this.#carry.take(`${arm} legitimate`, sent * this.#conduct(arm, at).failing);
        this.#counted[arm] += sent - failed;
        return {
          sent,
          classes: [sent - failed, 0, 0, 0, 0, 0, failed, 0],
          accepted: sent - failed,
          denied: 0,
          incidental: failed,
          leaky: 0,
        };
      }),
      hostile: byArm((arm) => {
        const sent = Math.round(rate(({ kind }) => kind === 'hostile') * part(arm, 'hostile'));
        const letIn = this.#carry.take(`${arm} hostile`, sent * this.#conduct(arm, at).lettingIn);
        if (letIn > 0) this.#accepts.push(this.#accept(arm, at));
        return { sent, classes: [letIn, 0, sent - letIn, 0, 0, 0, 0, 0], accepted: letIn, denied: sent - letIn, incidental: 0, leaky: 0 };
      }),
    };
  }

  #accept(arm: Arm, at: number): Accept {
    const hostile = this.#plan.streams.find(({ kind }) => kind === 'hostile');
    const confirmation = this.#conduct('control', at).lettingIn > 0 ? 'accepted' : 'denied';
    const forgery = hostile?.forgeries[0] ?? null;
    const request = hostile?.requests[0]?.name ?? 'none';
    return { request, forgery, class: 'success', outcome: 'accepted', status: 200, latencyMs: 3, at: at * 1000 + 500, arm, confirmation };
  }

  #conduct(arm: Arm, at: number) {
    const { history, script } = this.#options;
    return conductOf(script, arm, history.part(`fault:${this.#plan.seed}.${arm}.`, at * 1000, (at + 1) * 1000) > 0, at);
  }
}
