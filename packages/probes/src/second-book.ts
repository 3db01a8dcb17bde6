import {
  type Answer,
  type Arm,
  answerClasses,
  emptyProbeTally,
  type Feature,
  type ProbeSecond,
  type ProbeStream,
  type ProbeTally,
} from '@haldane/core';
import type { SeenFeature } from './answer-features.ts';

/** A second is closed so long after its end. */
const graceMs = 250;
/** More kinds of features than this are counted as one, so that a chatty service cannot fill the evidence. */
const featureLimit = 300;

type Counted = { readonly feature: SeenFeature; readonly counts: Map<number, Record<Arm, number>> };

/** Answers and features, counted in the second in which their outcome was decided. */
export class SecondBook {
  readonly #seconds = new Map<number, ProbeSecond>();
  readonly #features = new Map<string, Counted>();
  #next: number;

  constructor(now: number) {
    this.#next = Math.floor(now / 1000);
  }

  count(kind: ProbeStream['kind'], arm: Arm, answer: Answer, now: number): void {
    // A clock that was set back must not open a second that was handed out already.
    const at = Math.max(Math.floor(now / 1000), this.#next);
    const second = this.#seconds.get(at) ?? emptySecond(at);
    this.#seconds.set(at, { ...second, [kind]: { ...second[kind], [arm]: added(second[kind][arm], answer) } });
  }

  see(arm: Arm, features: readonly SeenFeature[], now: number): void {
    for (const feature of features) {
      const known = this.#features.has(`${feature.kind} ${feature.name}`) || this.#features.size < featureLimit;
      const counted = known ? feature : { kind: feature.kind, name: 'others' };
      const key = `${counted.kind} ${counted.name}`;
      const { counts } = this.#features.get(key) ?? { counts: new Map<number, Record<Arm, number>>() };
      this.#features.set(key, { feature: counted, counts });
      const at = Math.floor(now / 1000);
      const was = counts.get(at) ?? { control: 0, experiment: 0 };
      counts.set(at, { ...was, [arm]: was[arm] + 1 });
    }
  }

  /** The seconds whose grace is over, in order, each once; one in which nothing was decided is there with zeros. */
  drain(now: number): readonly ProbeSecond[] {
    const closed: ProbeSecond[] = [];
    for (; (this.#next + 1) * 1000 + graceMs <= now; this.#next++) {
      closed.push(this.#seconds.get(this.#next) ?? emptySecond(this.#next));
      this.#seconds.delete(this.#next);
    }
    return closed;
  }

  features(sinceSecond: number): readonly Feature[] {
    const summed = [...this.#features.values()].map(({ feature, counts }) => {
      const total = { control: 0, experiment: 0 };
      for (const [at, count] of counts) {
        if (at < sinceSecond) continue;
        total.control += count.control;
        total.experiment += count.experiment;
      }
      return { ...feature, ...total };
    });
    return summed
      .filter((feature) => feature.control + feature.experiment > 0)
      .sort((a, b) => (`${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1));
  }
}

function emptySecond(at: number): ProbeSecond {
  const empty = { control: emptyProbeTally, experiment: emptyProbeTally };
  return { at, legitimate: empty, hostile: empty };
}

function added(tally: ProbeTally, answer: Answer): ProbeTally {
  const place = answerClasses.indexOf(answer.class);
  return {
    ...tally,
    sent: tally.sent + 1,
    classes: tally.classes.map((count, i) => (i === place ? count + 1 : count)),
    [answer.outcome]: tally[answer.outcome] + 1,
  };
}
