/** What a client got, as a class; never one number. The order is the order of `Tally.classes`. */
export const answerClasses = [
  'success',
  'login-redirect',
  'unauthorised',
  'forbidden',
  'throttled',
  'client-error',
  'server-error',
  'broken',
] as const;
export type AnswerClass = (typeof answerClasses)[number];

/** The class of an HTTP answer. `broken` (timeout, reset, refused) has no status and is not decided here. */
export function classOfStatus(status: number, location?: string): AnswerClass {
  if (status >= 500) return 'server-error';
  if (status === 401) return 'unauthorised';
  if (status === 403) return 'forbidden';
  if (status === 429) return 'throttled';
  if (status >= 400) return 'client-error';
  if (status >= 300 && location !== undefined && /log-?in|sign-?in|authori[sz]e|sso/i.test(location)) return 'login-redirect';
  return 'success';
}

/** Answers of one cluster in one block, counted when their outcome was decided. Integers only. */
export type Tally = {
  readonly requests: number;
  /** Those that count against users: see law 4. Never synthetic. */
  readonly failures: number;
  /** Counts by class, in the order of `answerClasses`; they add up to `requests`. */
  readonly classes: readonly number[];
};

export const emptyTally: Tally = { requests: 0, failures: 0, classes: answerClasses.map(() => 0) };

/** Adds two tallies. */
export function addTally(a: Tally, b: Tally): Tally {
  return {
    requests: a.requests + b.requests,
    failures: a.failures + b.failures,
    classes: answerClasses.map((_, i) => (a.classes[i] ?? 0) + (b.classes[i] ?? 0)),
  };
}
