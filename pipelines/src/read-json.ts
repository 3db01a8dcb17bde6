import { type Clock, HaldaneError, hasCode, type JsonObject, messageOf } from '@haldane/core';
import { checkValue } from '@haldane/documents';
import type { Answer, Egress } from '@haldane/egress';

/** An answer in JSON, or 304: then there is none. */
export type JsonAnswer = { readonly status: 200 | 304; readonly headers: Headers; readonly json: unknown };

export type ReadJsonOptions = {
  /** Whom it asks, in words, for messages. */
  readonly who: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly egress: Egress;
  readonly answerWithinMs: number;
  /** Looks at an answer that is neither 200 nor 304 before it is judged by its status; throws what it means there. */
  readonly refuse?: (status: number, headers: Headers, path: string) => void;
};

/** The longest answer that is read: executions of Spinnaker carry all that their stages know. */
const mostBytes = 64 * 1024 * 1024;
/** A server that is restarted or a connection that breaks is asked again after so long. */
const againAfterMs = [300, 1_500] as const;

/**
 * GETs JSON. What may pass (no answer, 5xx) is tried three times. Throws `refused` (an address that is not allowed), `denied` (401, 403, and a redirect, which would carry credentials elsewhere),
 * `not-found` or `unavailable`, whose messages hold the path and never a header.
 */
export async function readJson(url: URL, options: ReadJsonOptions, signal: AbortSignal): Promise<JsonAnswer> {
  for (const waitMs of againAfterMs) {
    try {
      return await readOnce(url, options, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof Unanswered)) throw error;
      await options.clock.sleep(waitMs, signal);
    }
  }
  return readOnce(url, options, signal);
}

/** Nobody answered, or nobody who could: another try may do better. */
class Unanswered extends HaldaneError {}

async function readOnce(url: URL, options: ReadJsonOptions, signal: AbortSignal): Promise<JsonAnswer> {
  const { who, headers } = options;
  const path = url.pathname;
  const unanswered = (cause: unknown) =>
    new Unanswered('unavailable', `${who} did not answer ${path}: ${messageOf(cause)}`, { cause: messageOf(cause) });
  let answer: Answer;
  try {
    answer = await options.egress.send(
      { method: 'GET', url: url.href, headers: { accept: 'application/json', 'user-agent': 'haldane', ...headers }, mostBytes },
      AbortSignal.any([signal, AbortSignal.timeout(options.answerWithinMs)]),
    );
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (hasCode(cause, 'refused')) throw new HaldaneError('refused', `${who} cannot be asked: ${messageOf(cause)}`);
    throw unanswered(cause);
  }
  const { status } = answer;
  const answered = new Headers(answer.headers);
  if (status === 304) return { status, headers: answered, json: null };
  if (status === 200) return { status, headers: answered, json: parsed(answer.body, who, path) };
  options.refuse?.(status, answered, path);
  if (status >= 500) throw new Unanswered('unavailable', `${who} answered ${path} with ${status}`);
  if (status === 404) throw new HaldaneError('not-found', `${who} knows no ${path}, or not for these credentials`);
  if (status === 401 || status === 403) throw new HaldaneError('denied', `${who} answered ${path} with ${status}: check the credentials`);
  if (status === 429) throw new HaldaneError('throttled', `${who} answered ${path} with 429: it asks for fewer questions`);
  if (status >= 300 && status < 400)
    throw new HaldaneError('denied', `${who} sends ${path} elsewhere (${status}): a login, or an old name; credentials are not sent on`);
  throw new HaldaneError('unavailable', `${who} answered ${path} with ${status}`);
}

function parsed(text: string, who: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HaldaneError('unavailable', `${who} answered ${path} with something other than JSON`);
  }
}

/** The answer as its schema has it, with defaults. Throws `unavailable` naming the field: what is not understood is no answer. */
export function asAnswered<T>(schema: JsonObject, json: unknown, who: string, path: string): T {
  const { value, problems } = checkValue(schema, json);
  const [first] = problems;
  if (first !== undefined)
    throw new HaldaneError('unavailable', `${who} answered ${path} in a form that is not known here, at "${first.path}"`);
  return value as T;
}
