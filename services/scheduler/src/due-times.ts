import { endOfGap, instantsOf, type Wall, wallAt } from '@haldane/core';
import type { CronExpression } from './cron-expression.ts';

const dayMs = 86_400_000;

/**
 * When the expression is due in the zone, after `after` and up to `until` (epoch ms), in order. On the day that loses an hour, a time of day
 * that is skipped is due at the end of the gap; on the day that repeats one, it is due the first time only. An expression that is due
 * several times a day goes by what the clock shows: skipped times are skipped, repeated ones are due twice (as OCPS 1.4 has it).
 */
export function* dueTimes(expression: CronExpression, zone: string, after: number, until: number): Generator<number> {
  const isTimeOfDay = expression.minutes.length === 1 && expression.hours.length === 1;
  const lastDay = dayOf(wallAt(until, zone)) + dayMs;
  let last = after;
  for (let day = dayOf(wallAt(after, zone)) - dayMs; day <= lastDay; day += dayMs) {
    if (!isDay(expression, day)) continue;
    const instants: number[] = [];
    for (const hour of expression.hours)
      for (const minute of expression.minutes) {
        const wall = day + (hour * 60 + minute) * 60_000;
        const found = instantsOf(wall, zone);
        if (!isTimeOfDay) instants.push(...found);
        else instants.push(found[0] ?? endOfGap(wall, zone));
      }
    for (const instant of instants.sort((a, b) => a - b)) {
      if (instant <= last) continue;
      if (instant > until) return;
      last = instant;
      yield instant;
    }
  }
}

function dayOf(wall: Wall): Wall {
  return Math.floor(wall / dayMs) * dayMs;
}

function isDay({ days, months, weekdays, eitherDay }: CronExpression, day: Wall): boolean {
  const date = new Date(day);
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const byDate = days.includes(date.getUTCDate());
  const byWeekday = weekdays.includes(date.getUTCDay());
  return eitherDay ? byDate || byWeekday : byDate && byWeekday;
}
