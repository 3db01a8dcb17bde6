/** What to do with times that passed while nobody was there: leave them, make up for the newest, or for all of the last ten. */
export const catchUps = ['skip', 'once', 'all'] as const;
export type CatchUp = (typeof catchUps)[number];

/** When an experiment is to run again and again. */
export type Schedule = {
  readonly id: string;
  /** The experiment, on the disk of the pool's runners. */
  readonly file: string;
  readonly pool: string;
  /** Five fields; null when it runs after deploys only. */
  readonly cron: string | null;
  /** The IANA name of the zone that `cron` is meant in. */
  readonly zone: string;
  /** Whether each deploy of the service is followed by a run. */
  readonly afterDeploy: boolean;
  /** Runs begin up to so many seconds after their time; always as many for one schedule, others for another. */
  readonly jitterSeconds: number;
  readonly catchUp: CatchUp;
};

/** A schedule with how far it has been dealt with. */
export type DueSchedule = Schedule & {
  /** Epoch ms: times up to here were dealt with. */
  readonly seenUntil: number;
  /** The revision that was live at the last look; null before the first. */
  readonly seenRevision: string | null;
};

/** A time of a schedule, from when it was due to what became of it. */
export type ScheduledTime = {
  readonly scheduleId: string;
  /** What tells it from the schedule's other times: the minute, or the deploy. */
  readonly due: string;
  /** Epoch ms before which it does not begin. */
  readonly startAt: number;
  readonly state: 'waiting' | 'begun' | 'skipped';
  readonly runId: string | null;
  /** Why it was skipped, or last put off. */
  readonly why: string | null;
};

/** Schedules as the database holds them. Any number of schedulers may ask at once: each time is entered once and begun by one. */
export interface ScheduleStore {
  add(schedule: Schedule): Promise<void>;
  /** False when there was none. */
  remove(id: string): Promise<boolean>;
  list(pools?: readonly string[]): Promise<readonly DueSchedule[]>;
  /** The newest times of a schedule. */
  times(id: string, limit: number): Promise<readonly ScheduledTime[]>;
  /** Epoch ms by the database's clock, which all schedulers share. */
  now(): Promise<number>;
  /**
   * Enters times and notes what was seen of the schedule, in one step. Nothing happens, and it is false, unless it stands as `before` says:
   * otherwise another scheduler was quicker. A time that is there already stays as it is.
   */
  enter(
    before: Pick<DueSchedule, 'id' | 'seenUntil' | 'seenRevision'>,
    seen: Pick<DueSchedule, 'seenUntil' | 'seenRevision'>,
    times: readonly Pick<ScheduledTime, 'due' | 'startAt' | 'state' | 'why'>[],
  ): Promise<boolean>;
  /** Takes a waiting time of these pools whose start has come; nobody else is given it for `forMs`. Null when there is none. */
  take(pools: readonly string[], forMs: number): Promise<(ScheduledTime & { readonly file: string }) | null>;
  /** What became of a time that was taken. `waiting`: it may be taken again after `againMs`. */
  settle(time: ScheduledTime, became: Pick<ScheduledTime, 'state' | 'runId' | 'why'> & { readonly againMs?: number }): Promise<void>;
}
