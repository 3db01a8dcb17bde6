import type { DependencyFault } from '@haldane/core';

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
  meet(check: boolean): DependencyFault | null;
  /** The number of the call that was asked about last: what a fault draws, it draws by this. */
  readonly call: number;
  readonly fault: DependencyFault | null;
  /** Aborts when the fault that is set now changes. */
  readonly changed: AbortSignal;
  /** Whether this header was signed as a check by the run that owns the proxy. */
  isCheck(header: string | readonly string[] | undefined): boolean;
}
