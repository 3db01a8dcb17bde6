import type { Arm } from '@haldane/core';

/**
 * What a keeper is told on its standard input: all it needs to keep one instance, for as long as it lives. Holds the
 * service's secrets, so it is never written to disk; what is on disk is `InstanceRecord`.
 */
export type KeeperOrder = {
  /** The instance's own folder. Made by the keeper and by nobody else: whoever makes it first keeps the instance. */
  readonly folder: string;
  readonly cluster: string;
  readonly instance: string;
  readonly role: 'production' | Arm;
  readonly runId: string | null;
  /** Where the run's secret lies; goes with the arms when their lease ends unrenewed. */
  readonly runFolder: string | null;
  readonly revision: string;
  /** Changes when anything about the launch does. */
  readonly fingerprint: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly portEnv: string;
  readonly healthPath: string;
  /** Files that the environment points at, by name, written into the instance's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Epoch ms; null: until told to end. */
  readonly until: number | null;
};

/** `state.json`: what the keeper knows of its instance. Process ids come with start times, so that a reused id is never ours. */
export type InstanceRecord = {
  readonly cluster: string;
  readonly instance: string;
  readonly role: 'production' | Arm;
  readonly runId: string | null;
  readonly revision: string;
  readonly fingerprint: string;
  readonly keeperPid: number;
  readonly keeperStart: string | null;
  /** Leader of the instance's own process group; null while there is none. */
  readonly pid: number | null;
  readonly pidStart: string | null;
  readonly port: number;
  readonly healthy: boolean;
  /** Times that the service was started again after its first start. */
  readonly restarts: number;
  /** The last restart order that was carried out. */
  readonly restarted: string | null;
  /** How the service last ended, in words, until it is healthy again. */
  readonly down: string | null;
};

/** `lease.json`. */
export type InstanceLease = { readonly until: number | null };

/** `control.json`: what an instance's keeper is asked to do. */
export type InstanceControl = { readonly end?: true; readonly restart?: string };

export const instanceFiles = {
  state: 'state.json',
  lease: 'lease.json',
  control: 'control.json',
  output: 'output.log',
  olderOutput: 'output.1.log',
  work: 'work',
} as const;
