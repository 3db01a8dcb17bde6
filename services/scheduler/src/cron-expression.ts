import { HaldaneError } from '@haldane/core';
import cron from 'node-cron';

/** The minutes, hours and days of a cron expression, each as the numbers that match. */
export type CronExpression = {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly weekdays: readonly number[];
  /** Both the day of the month and the day of the week are named: then either is enough, as cron has always had it. */
  readonly eitherDay: boolean;
};

const week = 7;

/** Reads five fields (or @daily and its like). Throws `bad-request` naming the field; seconds and `L`, `W`, `#` are refused. */
export function readCron(text: string): CronExpression {
  const fields = text.trim().split(/\s+/);
  const refuse = (why: string) =>
    new HaldaneError(
      'bad-request',
      `cron: "${text}" is not understood: ${why}; give minute, hour, day, month and weekday, like "30 3 * * MON-FRI"`,
    );
  if (!text.trim().startsWith('@') && fields.length < 5) throw refuse('it has less than five fields');
  if (fields.length > 5) throw refuse('it has more than five fields');
  const read = cron.validateDetailed(text.trim());
  if (!read.valid || read.fields === undefined) throw refuse(read.errors.map(({ message }) => message).join('; '));
  const { minute, hour, dayOfMonth, month, dayOfWeek } = read.fields;
  const odd = [...dayOfMonth, ...dayOfWeek].find((one) => typeof one === 'string');
  if (odd !== undefined) throw refuse(`"${odd}" is not a day that every cron has`);
  const days = dayOfMonth as number[];
  const weekdays = [...new Set((dayOfWeek as number[]).map((day) => day % week))];
  const [, , dayField = '*', , weekdayField = '*'] = fields;
  const isNamed = (field: string) => field !== '*' && field !== '?';
  return { minutes: minute, hours: hour, days, months: month, weekdays, eitherDay: isNamed(dayField) && isNamed(weekdayField) };
}
