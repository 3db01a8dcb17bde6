import type { DependencyFault } from '@haldane/core';
import type { MetFault } from '../fault/fault-switch.ts';

/** What carries calls to the real dependency and makes the fault felt. */
export interface Carrier {
  open(port: number, host: string): Promise<number>;
  /** The fault was set or cleared: connections and calls that are held follow at once. */
  follow(): void;
  /** Ends everything, also what is in flight. */
  close(): Promise<void>;
}

/** What a carrier asks of the proxy that it belongs to. */
export interface FaultSource {
  /** The fault that this call meets, or null. Counts the call; a check of Haldane's own is not counted. */
  meet(check: boolean): MetFault | null;
  readonly fault: DependencyFault | null;
  /** Whether this header was signed as a check by the run that owns the proxy. */
  isCheck(header: string | readonly string[] | undefined): boolean;
}
