import type { Fence } from './change.ts';
import type { Evidence } from './evidence.ts';
import type { ExperimentSpec } from './experiment.ts';
import type { JsonObject } from './json.ts';
import type { Phase, Stop } from './phase.ts';
import type { Plan } from './plan.ts';
import type { Deployment, Neighbour, ServiceRef } from './service.ts';
import type { Verdict } from './verdict.ts';

/** What was learned, one fact a stage; added once, never edited. */
export type Facts = {
  readonly deployment?: Deployment;
  readonly plan?: Plan;
  /** What the service depends on, as it ran when this was planned. */
  readonly neighbours?: readonly Neighbour[];
  /** Facts measured in the baseline that later limits rest on. */
  readonly baseline?: { readonly creditRate: number; readonly from: number; readonly to: number };
  /** Epoch ms when the change was made. */
  readonly injectedAt?: number;
  /** Epoch ms when the decision to stop (or the end) was made, and when the last real request left the arms' routing. */
  readonly decidedAt?: number;
  readonly offAt?: number;
  readonly restored?: {
    readonly at: number;
    readonly clean: boolean;
    readonly stuck: readonly string[];
    readonly superseded: readonly string[];
  };
  /** Epoch ms when what could not be put back at first was back, too; absent when nothing was stuck, or something still is. */
  readonly cleanAt?: number;
  /** Epoch ms until which alerts were listened for; null when nobody could listen any more. */
  readonly listenedUntil?: number | null;
  readonly verdict?: Verdict;
};

/** Whether everything is back by now; null before that was tried. */
export function isBack({ restored, cleanAt }: Facts): boolean | null {
  return restored === undefined ? null : restored.clean || cleanAt !== undefined;
}

/** One execution of an experiment. Four separate facts: `phase`, `stop`, the verdict in `facts`, and the journal. */
export type Run = ServiceRef & {
  readonly id: string;
  readonly experiment: ExperimentSpec;
  readonly phase: Phase;
  readonly stop: Stop | null;
  /** Asked for from outside; the driver turns it into a stop. */
  readonly abortAsked: string | null;
  /** Set when it was not one person's wish about this run but the switch that halts them all. */
  readonly abortReason?: 'halted';
  readonly facts: Facts;
  /** Grows with every move: compare-and-set. */
  readonly version: number;
  readonly createdAt: number;
};

/** A run in hand: the claim's fence and when its lease ends (epoch ms by the store's clock, and how far that is from now). */
export type Claim = {
  readonly run: Run;
  readonly fence: Fence;
  readonly leaseMs: number;
  /** It had an owner that fell silent, or that gave it back, and nobody took it before the lease was over. */
  readonly abandoned: boolean;
  /** How often it was put off since it was last driven. */
  readonly putOff: number;
};

/** What moves when a run moves. `learned` adds facts and edits none. */
export type Move = { readonly to: Phase; readonly stop?: Stop; readonly learned?: Facts };

/** Something worth telling. The run's events feed log, page, notifier and report alike. */
export type RunEvent = {
  readonly runId: string;
  readonly seq: number;
  readonly at: number;
  readonly type:
    | 'created'
    | 'phase'
    | 'change'
    | 'block'
    | 'decision'
    | 'check'
    | 'accept'
    | 'alert'
    | 'stop'
    | 'restored'
    | 'stuck'
    | 'verdict'
    | 'note';
  readonly data: JsonObject;
};

/** `pool`: only runners of that pool may take it, because only they reach its files or its machine; absent: any runner may. */
export type NewRun = ServiceRef & {
  readonly id: string;
  readonly experiment: ExperimentSpec;
  readonly key: string | null;
  readonly pool?: string;
  /** Who creates it, as `forestall` knows them. */
  readonly by?: string;
  /** How long it goes on while nobody asks after it; without it nobody need ask. */
  readonly unattendedMs?: number;
};

export type RunsWanted = { readonly before?: string; readonly of?: readonly ServiceRef[] };

/** Runs as the database holds them. Every write of a claimed run is fenced; time is the store's own clock. */
export interface RunStore {
  /** Throws `service-taken` while another run holds the service and environment, and `halted` while nothing may begin. The same `key` again returns the first run. */
  create(run: NewRun): Promise<Run>;
  get(id: string): Promise<Run | null>;
  /** The run that was created with this key. */
  find(key: string): Promise<Run | null>;
  /** Newest first: those made before the run `before`, of these services only. */
  list(limit: number, wanted?: RunsWanted): Promise<readonly Run[]>;
  /**
   * Takes a run of one of these pools, or of none, that nobody holds, or whose holder has been silent for its lease plus `graceMs`. Null
   * when there is none.
   */
  claim(runner: string, leaseMs: number, graceMs: number, pools?: readonly string[]): Promise<Claim | null>;
  /**
   * Prolongs the claim's lease; throws `lease-lost` when it is no longer ours. Returns the lease's end in epoch ms. Whoever gives it up hears
   * the signal's reason at once, and what was not yet on its way to the store then never is.
   */
  renew(fence: Fence, leaseMs: number, signal?: AbortSignal): Promise<number>;
  /** Moves the run by compare-and-set on its version. Throws `lease-lost`, or `conflict`. Ends the claim when it moves to `done`. */
  advance(fence: Fence, version: number, move: Move): Promise<Run>;
  /** Gives the claim back, so that another runner may take it at once and go on; after what is left of the lease it counts as abandoned. */
  release(fence: Fence): Promise<void>;
  /** Takes this run, which was given back or put off, whoever did it and for how long. Null when somebody holds it, or it has ended. */
  takeBack(id: string, runner: string, leaseMs: number): Promise<Claim | null>;
  /** Gives the claim of a run back that could not be driven, so that nobody takes it for `ms`, and counts that. */
  putOff(fence: Fence, ms: number): Promise<void>;
  /** Asks whoever drives the run to stop. Harmless after the end. */
  askAbort(id: string, why: string): Promise<void>;
  /** Those of these runs that somebody asked to stop. */
  askedToStop(ids: readonly string[]): Promise<readonly Run[]>;
  /**
   * The run of this key, untouched; or, when there is none yet, null, and one that `by` creates with it within a day is asked to stop before
   * it begins. Of a create and this at the same moment one always sees the other.
   */
  forestall(key: string, by: string, why: string): Promise<Run | null>;
  /** Somebody still asks after the run. One that nobody has asked after for its `unattendedMs` is asked to stop when its lease is renewed. */
  attended(id: string): Promise<void>;
  /** Appends to the run's events. With a fence it is refused with `lease-lost` unless the fence is current: a late waker says nothing. */
  tell(run: string | Fence, type: RunEvent['type'], data: JsonObject): Promise<RunEvent>;
  /** Events after `afterSeq`, oldest first. */
  events(runId: string, afterSeq: number, limit: number): Promise<readonly RunEvent[]>;
}

/** Where evidence is kept: append only, fenced like the journal. */
export interface EvidenceStore {
  append(fence: Fence, part: Partial<Evidence>): Promise<void>;
  /** Everything that was appended, in order. */
  read(runId: string): Promise<Evidence>;
}
