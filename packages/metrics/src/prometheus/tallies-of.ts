import { answerClasses, classOfStatus, type Tally } from '@haldane/core';
import type { Series } from './ask-prometheus.ts';

/** The labels under which services say the status of an answer. */
const statusLabels = ['code', 'status', 'status_code', 'response_code', 'http_status_code', 'http_response_status_code'];

/**
 * Answers in one second, from counters that only grow: a counter that is smaller than before was started again, and one that was not there
 * began at nothing. Failures are answers of 500 and above, for a counter knows nobody's key; an answer without status is a broken one.
 */
export function tallyOf(counters: readonly Series[], second: number): Tally {
  const classes = answerClasses.map(() => 0);
  for (const { labels, at } of counters) {
    const now = at.get(second + 1);
    if (now === undefined) continue;
    const before = at.get(second) ?? 0;
    const grown = Math.round(now >= before ? now - before : now);
    const index = answerClasses.indexOf(classOf(statusLabels.map((name) => labels[name]).find((one) => one !== undefined)));
    classes[index] = (classes[index] ?? 0) + grown;
  }
  const of = (name: (typeof answerClasses)[number]) => classes[answerClasses.indexOf(name)] ?? 0;
  return { requests: classes.reduce((sum, one) => sum + one, 0), failures: of('server-error') + of('broken'), classes };
}

function classOf(status: string | undefined): (typeof answerClasses)[number] {
  const number = Number(status?.replace(/xx$/i, '00') ?? Number.NaN);
  return Number.isInteger(number) && number >= 100 ? classOfStatus(number) : 'broken';
}
