import { type AnswerClass, classOfStatus } from '@haldane/core';

/** The labels under which services say the status of an answer. */
const statusLabels = ['code', 'status', 'status_code', 'response_code', 'http_status_code', 'http_response_status_code'];

/** The class of the answers that a counter counts; `5xx` will do. One that says no status counts broken answers: no status is no success. */
export function classOfLabels(labels: Readonly<Record<string, string>>): AnswerClass {
  const status = statusLabels.map((name) => labels[name]).find((one) => one !== undefined);
  const number = Number(status?.replace(/xx$/i, '00') ?? Number.NaN);
  return Number.isInteger(number) && number >= 100 ? classOfStatus(number) : 'broken';
}
