import { type Clock, HaldaneError, type JsonObject, messageOf } from '@haldane/core';
import { checkValue } from '@haldane/documents';

/** An answer in JSON, or 304: then there is none. */
export type JsonAnswer = { readonly status: 200 | 304; readonly headers: Headers; readonly json: unknown };

export type ReadJsonOptions = {
  /** Whom it asks, in words, for messages. */
  readonly who: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly answerWithinMs: number;
  /** Looks at an answer that is neither 200 nor 304 before it is judged by its status; throws what it means there. */
  readonly refuse?: (status: number, headers: Headers, path: string) => void;
};

/** The longest answer that is read: executions of Spinnaker carry all that their stages know. */
const mostBytes = 64 * 1024 * 1024;
/** A server that is restarted or a connection that breaks is asked again after so long. */
const againAfterMs = [300, 1_500] as const;

/**
 * GETs JSON. What may pass (no answer, 5xx) is tried three times. Throws `denied` (401, 403, and a redirect, which would carry credentials elsewhere),
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
    new Unanswered('unavailable', `${who} did not answer ${path}: ${causeOf(cause)}`, { cause: messageOf(cause) });
  let answer: Response;
  try {
    answer = await fetch(url, {
      headers: { accept: 'application/json', 'user-agent': 'haldane', ...headers },
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.answerWithinMs)]),
    });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw unanswered(cause);
  }
  const { status } = answer;
  try {
    if (status === 304) return { status, headers: answer.headers, json: null };
    if (status === 200) return { status, headers: answer.headers, json: JSON.parse(await bodyOf(answer)) as unknown };
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    if (cause instanceof SyntaxError) throw new HaldaneError('unavailable', `${who} answered ${path} with something other than JSON`);
    throw cause instanceof HaldaneError ? cause : unanswered(cause);
  }
  await answer.body?.cancel().catch(() => undefined);
  options.refuse?.(status, answer.headers, path);
  if (status >= 500) throw new Unanswered('unavailable', `${who} answered ${path} with ${status}`);
  if (status === 404) throw new HaldaneError('not-found', `${who} knows no ${path}, or not for these credentials`);
  if (status === 401 || status === 403) throw new HaldaneError('denied', `${who} answered ${path} with ${status}: check the credentials`);
  if (status === 429) throw new HaldaneError('throttled', `${who} answered ${path} with 429: it asks for fewer questions`);
  if (status >= 300 && status < 400)
    throw new HaldaneError('denied', `${who} sends ${path} elsewhere (${status}): a login, or an old name; credentials are not sent on`);
  throw new HaldaneError('unavailable', `${who} answered ${path} with ${status}`);
}

async function bodyOf(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += (part as Uint8Array).byteLength;
    if (bytes > mostBytes) throw new HaldaneError('unavailable', `${answer.url} answers with more than ${mostBytes} bytes`);
    parts.push(part as Uint8Array);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** `fetch failed` says nothing; what it was caused by does. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : messageOf(cause);
}

/** The answer as its schema has it, with defaults. Throws `unavailable` naming the field: what is not understood is no answer. */
export function asAnswered<T>(schema: JsonObject, json: unknown, who: string, path: string): T {
  const { value, problems } = checkValue(schema, json);
  const [first] = problems;
  if (first !== undefined)
    throw new HaldaneError('unavailable', `${who} answered ${path} in a form that is not known here, at "${first.path}"`);
  return value as T;
}
