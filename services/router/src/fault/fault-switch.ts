import type { DependencyFault } from '@haldane/core';
import { meets } from './fault-draw.ts';

/** The fault that a call or request met. What is drawn for it, is drawn by `n`; `changed` aborts when the fault ends or becomes another. */
export type MetFault = { readonly fault: DependencyFault; readonly n: number; readonly changed: AbortSignal };

/** One place where a fault may be on. Numbers those who come by, so that the same seed picks the same ones again. */
export class FaultSwitch<F extends DependencyFault = DependencyFault> {
  #fault: F | null = null;
  #changed = new AbortController();
  #came = 0;

  get fault(): F | null {
    return this.#fault;
  }
  /** On with this fault, or off. The same fault again changes nothing; says whether it was another one. */
  turn(fault: F | null): boolean {
    if (JSON.stringify(sorted(fault)) === JSON.stringify(sorted(this.#fault))) return false;
    const before = this.#changed;
    this.#fault = fault;
    this.#changed = new AbortController();
    this.#came = 0;
    before.abort();
    return true;
  }
  /** The fault that the next one who comes meets, or null. */
  meet(): MetFault | null {
    const fault = this.#fault;
    this.#came += 1;
    return fault !== null && meets(fault, this.#came) ? { fault, n: this.#came, changed: this.#changed.signal } : null;
  }
}

/** In whatever order its fields are written. */
export function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .map(([key, inner]) => [key, sorted(inner)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
