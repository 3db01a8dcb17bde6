import { wallAt } from '@haldane/core';
import type { Freeze, Windows } from './policy.ts';

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Why the moment (epoch ms) is outside of the windows, in words that say when they are; null when it is inside. */
export function outsideWindows({ zone, days: open, from, to, holidays }: Windows, now: number): string | null {
  const { day, date, time } = clockIn(zone, now);
  const hours = `runs go on ${open.join(', ')} from ${from} to ${to} in ${zone}`;
  if (holidays.includes(date)) return `${date} is a holiday; ${hours}`;
  if (!open.includes(day) || time < from || time >= to) return `it is ${day} ${time}; ${hours}`;
  return null;
}

/** Why nothing runs now, or null when no freeze covers the moment. */
export function frozenBy(freezes: readonly Freeze[], now: number): string | null {
  const freeze = freezes.find(({ zone, from, to }) => {
    const { date } = clockIn(zone, now);
    return from <= date && date <= to;
  });
  return freeze === undefined ? null : `changes are frozen from ${freeze.from} to ${freeze.to} (${freeze.why}); wait until it is over`;
}

function clockIn(zone: string, now: number): { readonly day: string; readonly date: string; readonly time: string } {
  const shown = new Date(wallAt(now, zone));
  return { day: days[shown.getUTCDay()] ?? '', date: shown.toISOString().slice(0, 10), time: shown.toISOString().slice(11, 16) };
}
