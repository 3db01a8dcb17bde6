import { t } from 'tap';

/** Lets this file take longer than others may: a bound for a machine that is busy with other tests, not what it takes. */
export function allowSeconds(seconds: number): void {
  t.setTimeout(seconds * 1000);
  // The runner, which is another process, reads it from here.
  t.comment(`timeout=${seconds * 1000}`);
}
