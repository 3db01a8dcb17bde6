import type { ServerResponse } from 'node:http';
import { type AnswerClass, answerClasses, type ClusterRole, classOfStatus } from '@haldane/core';
import type { RouterTime } from '../time.ts';

/** Upper bounds of the latency histogram, in seconds; what took longer is in the last bin, which has none. */
export const latencyBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Answers of one cluster since the door was made. */
export type Count = {
  /** In the order of `answerClasses`. A redirect to a login is not told apart here: that is a matter of runs. */
  readonly classes: Float64Array;
  /** By upper bound, each answer in the lowest that holds it. */
  readonly bins: Float64Array;
  seconds: number;
};
export type Traffic = 'real' | 'synthetic';

const byRole = (): Record<ClusterRole, Count> => ({ production: none(), control: none(), experiment: none() });
const none = (): Count => ({
  classes: new Float64Array(answerClasses.length),
  bins: new Float64Array(latencyBounds.length + 1),
  seconds: 0,
});
const indexOf = Object.fromEntries(answerClasses.map((name, i) => [name, i])) as Readonly<Record<AnswerClass, number>>;

/** What clients of one route got, whichever run was there or none: by the cluster that the request was placed at. */
export class DoorCounts {
  readonly counts: Readonly<Record<Traffic, Readonly<Record<ClusterRole, Count>>>> = { real: byRole(), synthetic: byRole() };
  readonly #time: RouterTime;

  constructor(time: RouterTime) {
    this.#time = time;
  }
  /** Counts this answer, of a request that came at `began` by running time, when what it gives back is called: when the answer has left, or could not. */
  follow(response: ServerResponse, role: ClusterRole, traffic: Traffic, began: number): () => void {
    const count = this.counts[traffic][role];
    return () => {
      const seconds = (this.#time.monotonic() - began) / 1000;
      add(count.classes, indexOf[response.writableFinished ? classOfStatus(response.statusCode) : 'broken']);
      let bin = 0;
      while (seconds > (latencyBounds[bin] ?? Number.POSITIVE_INFINITY)) bin += 1;
      add(count.bins, bin);
      count.seconds += seconds;
    };
  }
}

function add(to: Float64Array, index: number): void {
  to[index] = (to[index] ?? 0) + 1;
}
