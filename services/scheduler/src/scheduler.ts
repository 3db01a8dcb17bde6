import { type DueSchedule, hasCode, messageOf, type ScheduledTime, type ScheduleStore } from '@haldane/core';
import cron, { type ScheduledTask } from 'node-cron';
import { readCron } from './cron-expression.ts';
import { dueTimes } from './due-times.ts';
import { jitterOf } from './jitter.ts';

/** A time that is entered so late was missed: nobody was there. A deploy of Haldane itself must fit into it. */
const missedAfterMs = 120_000;
/** At most so many missed times are made up for, or noted as skipped. */
const mostMissed = 10;
/** Times that were missed longer ago are not even looked for. */
const longestAbsenceMs = 31 * 86_400_000;
/** A scheduler that takes a time has so long to begin it; then another may. */
const takenForMs = 120_000;
/** A run whose service is taken waits for it, and gives up after this. */
const patienceMs = 3_600_000;
const againMs = 15_000;

export type SchedulerOptions = {
  readonly schedules: ScheduleStore;
  /** Whose schedules are this scheduler's to begin. */
  readonly pools: readonly string[];
  /** Begins a run of the experiment and returns its id. The same key again returns the first run's. */
  readonly begin: (file: string, key: string) => Promise<string>;
  /** The revision that is live of the experiment's service; null when nobody can say. */
  readonly liveRevision: (file: string) => Promise<string | null>;
  /** Ends what is past its expiry. */
  readonly sweep: () => Promise<void>;
  readonly onTrouble: (what: string, error: unknown) => void;
};

/**
 * Begins runs when they are due, once each, however many schedulers share the database. A time is first entered, together with the note up
 * to when the schedule was dealt with; then taken; then begun under a key of its own: whoever dies in between leaves it to the next.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #tasks: readonly ScheduledTask[] = [];
  #busy: Promise<void> = Promise.resolve();

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Looks every five seconds, for deploys every half minute, and sweeps once a minute. */
  start(): void {
    const every = (expression: string, what: string, work: () => Promise<void>) =>
      cron.schedule(
        expression,
        () => {
          this.#busy = Promise.all([this.#busy, work().catch((error: unknown) => this.#options.onTrouble(what, error))]).then(
            () => undefined,
          );
          return this.#busy;
        },
        { name: `haldane: ${what}`, noOverlap: true, suppressMissedWarning: true },
      );
    this.#tasks = [
      every('*/5 * * * * *', 'beginning what is due', () => this.tick()),
      every('*/30 * * * * *', 'looking for deploys', () => this.lookForDeploys()),
      every('15 * * * * *', 'sweeping', () => this.#options.sweep()),
    ];
  }

  async stop(): Promise<void> {
    for (const task of this.#tasks) await task.destroy();
    await this.#busy;
  }

  /** Enters what became due since the last look of any scheduler, and begins what waits. */
  async tick(): Promise<void> {
    const { schedules, pools } = this.#options;
    const now = await schedules.now();
    for (const schedule of await schedules.list(pools)) if (schedule.cron !== null) await this.#enter(schedule, schedule.cron, now);
    for (let time = await schedules.take(pools, takenForMs); time !== null; time = await schedules.take(pools, takenForMs))
      await this.#begin(time, now);
  }

  /** Enters a time for each deploy since the last look. The first look only learns what is live. */
  async lookForDeploys(): Promise<void> {
    const { schedules, pools, liveRevision, onTrouble } = this.#options;
    for (const schedule of await schedules.list(pools)) {
      if (!schedule.afterDeploy) continue;
      try {
        const revision = await liveRevision(schedule.file);
        if (revision === null || revision === schedule.seenRevision) continue;
        const { id, seenUntil, seenRevision, jitterSeconds } = schedule;
        const now = await schedules.now();
        const due = `deploy of ${revision}, seen ${new Date(now).toISOString()}`;
        const time = { due, startAt: now + jitterOf(id, jitterSeconds), state: 'waiting', why: null } as const;
        await schedules.enter(schedule, { seenUntil, seenRevision: revision }, seenRevision === null ? [] : [time]);
      } catch (error) {
        onTrouble(`looking for deploys of schedule ${schedule.id}`, error);
      }
    }
  }

  async #enter(schedule: DueSchedule, expression: string, now: number): Promise<void> {
    const { id, zone, seenUntil, seenRevision, jitterSeconds, catchUp } = schedule;
    // A database whose clock was set back has dealt with these times already.
    if (now <= seenUntil) return;
    const due = [...dueTimes(readCron(expression), zone, Math.max(seenUntil, now - longestAbsenceMs), now)];
    const late = due.filter((at) => at < now - missedAfterMs);
    const onTime = due.slice(late.length);
    // One that is due now makes up for the one that was missed before it.
    const most = { skip: 0, once: onTime.length > 0 ? 0 : 1, all: mostMissed }[catchUp];
    const madeUp = late.slice(late.length - Math.min(most, late.length));
    const times = [...late.slice(-mostMissed), ...onTime].map((at) => {
      const skipped = late.includes(at) && !madeUp.includes(at);
      return {
        due: new Date(at).toISOString(),
        startAt: at + jitterOf(id, jitterSeconds),
        state: skipped ? ('skipped' as const) : ('waiting' as const),
        why: skipped ? `nobody was there at that time, and catch-up is "${catchUp}"` : null,
      };
    });
    if (times.length > 0 || now - seenUntil > missedAfterMs / 2)
      await this.#options.schedules.enter(schedule, { seenUntil: now, seenRevision }, times);
  }

  async #begin(time: ScheduledTime & { readonly file: string }, now: number): Promise<void> {
    const { schedules, begin, onTrouble } = this.#options;
    try {
      const runId = await begin(time.file, `schedule:${time.scheduleId}:${time.due}`);
      await schedules.settle(time, { state: 'begun', runId, why: null });
    } catch (error) {
      const why = messageOf(error);
      const mayPass = hasCode(error, 'service-taken') || hasCode(error, 'unavailable');
      const waits = mayPass && now - time.startAt < patienceMs;
      if (!mayPass) onTrouble(`beginning ${time.due} of schedule ${time.scheduleId}`, error);
      await schedules.settle(time, { state: waits ? 'waiting' : 'skipped', runId: null, why, againMs });
    }
  }
}
