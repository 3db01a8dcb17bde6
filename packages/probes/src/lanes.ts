import { type Arm, arms, type Forgery, type ProbePlan, type ProbeStream, type SyntheticRequest } from '@haldane/core';
import { drawn, fraction } from './seeded-order.ts';

/** A request that is due: with which forgery (null: with a valid credential), and the how manieth of its lane it is. */
export type Due = {
  readonly arm: Arm;
  readonly kind: ProbeStream['kind'];
  readonly request: SyntheticRequest;
  readonly forgery: Forgery | null;
  readonly turn: number;
  readonly twin: boolean;
};

type Pair = { readonly request: SyntheticRequest; readonly forgery: Forgery | null };
type Lane = {
  readonly arm: Arm;
  readonly stream: ProbeStream;
  readonly pairs: readonly Pair[];
  readonly everyMs: number;
  state: 'off' | 'own' | 'twin';
  n: number;
  nextAt: number;
};

/** A sender that was held up makes good at most this much: a burst would be a change of its own. */
const catchUpMs = 1_000;

/**
 * One lane a stream and arm. Open loop: requests are due at a steady rate whether or not earlier ones were answered. Which
 * request is the n-th of a lane depends on the plan's seed alone, so both arms get the same in the same order.
 */
export class Lanes {
  readonly #seed: string;
  readonly #lanes: readonly Lane[];
  readonly #kinds: Record<Arm, readonly ProbeStream['kind'][]> = { control: [], experiment: [] };

  constructor(plan: ProbePlan) {
    this.#seed = plan.seed;
    this.#lanes = plan.streams
      .filter((stream) => stream.rate > 0)
      .flatMap((stream) =>
        arms.map((arm): Lane => ({ arm, stream, pairs: pairsOf(stream), everyMs: 1000 / stream.rate, state: 'off', n: 0, nextAt: 0 })),
      )
      .filter((lane) => lane.pairs.length > 0);
  }

  /** From now on these kinds of streams flow into the arm. */
  flow(arm: Arm, kinds: readonly ProbeStream['kind'][], now: number): void {
    this.#kinds[arm] = kinds;
    for (const lane of this.#lanes) {
      const state = this.#stateOf(lane);
      // Lanes of both arms begin with the same seeded offset, so that streams do not beat together.
      if (lane.state === 'off' && state !== 'off') lane.nextAt = now + lane.everyMs * fraction(`${this.#seed}/${lane.stream.name}`);
      lane.state = state;
    }
  }

  /** Whether streams of this kind flow into both arms: only then their answers can be compared. */
  inBoth(kind: ProbeStream['kind']): boolean {
    return arms.every((arm) => this.#kinds[arm].includes(kind));
  }

  /** What is due by now, in order of time. */
  due(now: number): readonly Due[] {
    const found: (Due & { readonly at: number })[] = [];
    for (const lane of this.#lanes) {
      if (lane.state === 'off') continue;
      if (lane.nextAt < now - catchUpMs) lane.nextAt = now;
      for (; lane.nextAt <= now; lane.nextAt += lane.everyMs) {
        const pair = lane.pairs[drawn(`${this.#seed}/${lane.stream.name}`, lane.n, lane.pairs.length)] as Pair;
        const twin = lane.state === 'twin';
        found.push({
          at: lane.nextAt,
          arm: lane.arm,
          kind: twin ? 'legitimate' : lane.stream.kind,
          request: pair.request,
          forgery: twin ? null : pair.forgery,
          turn: Math.floor(lane.n / lane.pairs.length),
          twin,
        });
        lane.n += 1;
      }
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** When the next request is due (epoch ms); null when nothing flows. */
  nextAt(): number | null {
    const times = this.#lanes.filter((lane) => lane.state !== 'off').map((lane) => lane.nextAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  #stateOf({ arm, stream }: Lane): Lane['state'] {
    if (this.#kinds[arm].includes(stream.kind)) return 'own';
    const other = arm === 'control' ? 'experiment' : 'control';
    const twin =
      stream.kind === 'hostile' &&
      stream.validTwin === true &&
      this.#kinds[other].includes('hostile') &&
      this.#kinds[arm].includes('legitimate');
    return twin ? 'twin' : 'off';
  }
}

function pairsOf(stream: ProbeStream): readonly Pair[] {
  if (stream.kind === 'legitimate') return stream.requests.map((request) => ({ request, forgery: null }));
  return stream.requests.flatMap((request) => stream.forgeries.map((forgery) => ({ request, forgery })));
}
