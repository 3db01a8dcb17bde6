import { type AlertSource, HaldaneError, type OutsideCheck } from '@haldane/core';

/** Which alert says that a run may not go on; null when none does. Throws `unavailable` when the inbox cannot be asked. */
export async function askAlerts(
  { receiver, rules, within }: NonNullable<OutsideCheck['alerts']>,
  inbox: Pick<AlertSource, 'alerts'>,
  now: number,
  signal: AbortSignal,
): Promise<string | null> {
  // Alerts bear the time of whoever received them, which may be a little ahead of the store's.
  const reading = await inbox.alerts('', { from: now - within * 1000, to: now + 60_000 }, signal);
  if (reading.state === 'unavailable') throw new HaldaneError('unavailable', reading.why);
  if (reading.state === 'no-data') return null;
  const last = reading.points.filter((alert) => alert.receiver === receiver && rules.includes(alert.rule)).at(-1);
  return last === undefined ? null : `alert ${last.rule} reached ${receiver} at ${new Date(last.receivedAt).toISOString()}`;
}
