import { type Arm, addTally, emptyTally, type ProbeSecond, type ProbeTally, type Tally } from '@haldane/core';
import { minuteSeconds, type Told, toldOf } from './minutes.ts';

/** A balancer's clock and ours may be so far apart, with the way between them. Seconds. */
export const apartSeconds = 5;
/** For so long it is remembered what was sent: longer than any minute takes to be told. Seconds. */
const keptSeconds = 1_800;

/**
 * What Haldane itself was answered in the arms, whose target groups count it like a user. It is taken out so that none of it is ever taken for a
 * user who was served, and no user's failure for one of ours, in the sum over minutes.
 */
export class OwnRequests {
  readonly #seconds = new Map<number, Readonly<Record<Arm, Tally>>>();

  add(seconds: readonly ProbeSecond[]): void {
    for (const { at, legitimate, hostile } of seconds) {
      const of = (arm: Arm) => addTally(plain(legitimate[arm]), plain(hostile[arm]));
      this.#seconds.set(at, { control: of('control'), experiment: of('experiment') });
    }
    const newest = seconds.at(-1)?.at;
    if (newest !== undefined) for (const at of this.#seconds.keys()) if (at < newest - keptSeconds) this.#seconds.delete(at);
  }

  /** Whether it is known of each second of this minute what Haldane itself was answered. */
  knows(minute: number): boolean {
    for (let at = minute; at < minute + minuteSeconds; at += 1) if (!this.#seconds.has(at)) return false;
    return true;
  }

  /** Answers that a target surely gave in this minute, however far the clocks are apart: a balancer that tells fewer has not told all. */
  surely(arm: Arm, minute: number): number {
    const { success, 'client-error': refused } = toldOf(this.#sum(arm, minute + apartSeconds, minute + minuteSeconds - apartSeconds));
    return success + refused;
  }

  /**
   * The minute without ours; what went well may come out below nothing, and is owed then by the minutes that follow. Ours that went well are taken out
   * once each, and as early as they may stand: those of some seconds after this minute now, so that the sum up to any minute holds none of ours, and is
   * too small by those few seconds once and not in each. Of failures only the minute's own are taken, and none that nobody answered, which may never
   * have reached the balancer. `isFirst`: no minute was told before it.
   */
  takenFrom(told: Told, arm: Arm, minute: number, isFirst: boolean): Told {
    const until = minute + minuteSeconds + apartSeconds;
    const well = toldOf(this.#sum(arm, isFirst ? minute - apartSeconds : until - minuteSeconds, until));
    const failed = toldOf(this.#sum(arm, minute, minute + minuteSeconds))['server-error'];
    const rest = Math.max(0, failed - told['server-error']);
    return {
      success: told.success - well.success,
      'client-error': told['client-error'] - well['client-error'],
      'server-error': Math.max(0, told['server-error'] - failed),
      // A failure that the balancer itself answered for.
      broken: Math.max(0, told.broken - rest),
    };
  }

  #sum(arm: Arm, from: number, to: number): Tally {
    let sum = emptyTally;
    for (let at = from; at < to; at += 1) sum = addTally(sum, this.#seconds.get(at)?.[arm] ?? emptyTally);
    return sum;
  }
}

function plain({ sent, classes }: ProbeTally): Tally {
  return { requests: sent, failures: 0, classes };
}
