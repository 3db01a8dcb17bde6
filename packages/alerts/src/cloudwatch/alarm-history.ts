import { type AlertSource, type Clock, HaldaneError, messageOf } from '@haldane/core';
import { alertsOf } from './from-history.ts';
import type { HistoryItem, ReadHistory } from './history-item.ts';

export type AlarmHistoryOptions = {
  readonly read: ReadHistory;
  readonly clock: Clock;
  /** The alarms that the run's owner expects, by name. */
  readonly rules: readonly string[];
  /** The alarm whose going off is the heartbeat; undefined: none was named, which the plan refuses. */
  readonly heartbeat: string | undefined;
};

/** What happened is told within this, as far as anybody has seen: AWS promises nothing. And so often it is asked. */
const pace = { everyMs: 10_000, lateMs: 60_000 };
/** A page holds a hundred entries: an alarm that changed more often in a run tells nobody anything. */
const mostPages = 20;
/** So long CloudWatch keeps the history of an alarm. */
const keptMs = 30 * 86_400_000;

/**
 * Alarms of CloudWatch that went off, by their history, asked by name: each look is at the whole window, so that whoever takes a run over, and what
 * comes late, needs nothing remembered. Part of an answer is none: one alarm that cannot be asked makes the reading `unavailable`.
 */
export function alarmHistory({ read, clock, rules, heartbeat }: AlarmHistoryOptions): AlertSource {
  const alarms = [...new Set([...rules, ...(heartbeat === undefined ? [] : [heartbeat])])];
  return {
    id: 'cloudwatch',
    pace,
    asksByName: true,
    async alerts(_runId, { from, to }, signal) {
      try {
        const histories = await Promise.all(alarms.map((alarm) => wholeHistory(read, alarm, from, to, signal)));
        const points = histories
          .flatMap((items) => alertsOf(items, to - pace.lateMs))
          .filter(({ receivedAt }) => receivedAt >= from && receivedAt <= to)
          .toSorted((a, b) => a.receivedAt - b.receivedAt);
        return points.length === 0 ? { state: 'no-data' } : { state: 'ok', points };
      } catch (error) {
        if (signal.aborted) throw error;
        return { state: 'unavailable', why: messageOf(error) };
      }
    },
    async advise(signal) {
      const to = clock.now();
      const looked = await Promise.allSettled(alarms.map((alarm) => read({ alarm, from: to - keptMs, to, token: undefined }, signal)));
      signal.throwIfAborted();
      const failed = looked.find((one) => one.status === 'rejected');
      const unknown = alarms.filter((_, index) => {
        const one = looked[index];
        return one?.status === 'fulfilled' && (one.value.AlarmHistoryItems ?? []).length === 0;
      });
      return {
        caps: [],
        notes: [
          `Alarms are asked for their history every ${pace.everyMs / 1000} s and may be told ${pace.lateMs / 1000} s late: so much longer the run listens. Whether anybody has read what a topic was told, CloudWatch does not know.`,
          ...unknown.map(
            (alarm) =>
              `noticed: CloudWatch keeps no history of an alarm "${alarm}" in this account and region: check its name if it is older than today.`,
          ),
        ],
        refusals: [
          ...(heartbeat === undefined
            ? [
                'noticed.heartbeat is not given, and alerts: cloudwatch asks for alarms by their names only; write heartbeat: NAME, of the alarm that goes off when the heartbeat is sent',
              ]
            : []),
          ...(failed === undefined ? [] : [`noticed.alerts: cloudwatch: ${messageOf(failed.reason)}`]),
        ],
      };
    },
  };
}

async function wholeHistory(
  read: ReadHistory,
  alarm: string,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<readonly HistoryItem[]> {
  const items: HistoryItem[] = [];
  let token: string | undefined;
  for (let pages = 0; pages === 0 || token !== undefined; pages += 1) {
    if (pages >= mostPages) throw new HaldaneError('unavailable', `the history of alarm ${alarm} goes on after ${mostPages} pages`);
    const page = await read({ alarm, from, to, token }, signal);
    items.push(...(page.AlarmHistoryItems ?? []));
    token = page.NextToken;
  }
  return items;
}
