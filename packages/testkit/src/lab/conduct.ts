import type { ClusterRole } from '@haldane/core';

/** How a service answers, as shares (0..1). */
export type Conduct = {
  /** Of users' requests, real or synthetic, that fail. */
  readonly failing: number;
  /** Of hostile requests that are let in. */
  readonly lettingIn: number;
};

/** What a service does in a second: who answers, and whether a fault is on its dependencies. What is left out is as it should be. */
export type Script = (who: ClusterRole, faulted: boolean, second: number) => Partial<Conduct>;

/** The script, with what it leaves out. */
export function conductOf(script: Script, who: ClusterRole, faulted: boolean, second: number): Conduct {
  return { failing: 0, lettingIn: 0, ...script(who, faulted, second) };
}

/** Whole events of a rate: what is left over is carried into the next second, so that none is lost and no chance is involved. */
export class Carry {
  readonly #left = new Map<string, number>();

  take(name: string, amount: number): number {
    const sum = (this.#left.get(name) ?? 0) + amount;
    const whole = Math.floor(sum + 1e-9);
    this.#left.set(name, sum - whole);
    return whole;
  }
}

/** Seconds have 250 ms of grace before they are closed. */
export function lastClosedSecond(now: number): number {
  return Math.floor((now - 250) / 1000) - 1;
}
