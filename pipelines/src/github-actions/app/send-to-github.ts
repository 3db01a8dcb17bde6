import { cutTo, HaldaneError, type JsonObject, messageOf } from '@haldane/core';
import { type Answer, egress } from '@haldane/egress';
import { asAnswered } from '../../read-json.ts';

export type ToGitHub = {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** What lets one in; never in an error. */
  readonly bearer: string;
  readonly body?: JsonObject;
  /** What is answered; nothing is read when it is not given. */
  readonly schema?: JsonObject;
  /** Epoch ms, for a time at which GitHub may be asked again. */
  readonly now: number;
};

/** Where GitHub is stands in the operator's own file and nowhere else. */
const out = egress([]);
const answerWithinMs = 15_000;
const longestWaitMs = 3_600_000;

/**
 * Asks GitHub's REST API once. Throws `unavailable` when nobody answered or who could not, `throttled` with `details.afterMs`, `denied` (401, 403,
 * a redirect, which is not followed), `not-found`, and `bad-request` with GitHub's words for what it will never take.
 */
export async function sendToGitHub<T>({ method, url, bearer, body, schema, now }: ToGitHub, signal: AbortSignal): Promise<T> {
  const path = url.pathname;
  const asked = {
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
    'user-agent': 'haldane',
    authorization: `Bearer ${bearer}`,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const outgoing = {
    method,
    url: url.href,
    headers: asked,
    byOperator: true,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  let answer: Answer;
  try {
    answer = await out.send(outgoing, AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]));
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new HaldaneError('unavailable', `GitHub did not answer ${path}: ${messageOf(cause)}`);
  }
  const { status, body: text } = answer;
  const headers = new Headers(answer.headers);
  if (status >= 200 && status < 300) return schema === undefined ? (undefined as T) : asAnswered<T>(schema, parsed(text), 'GitHub', path);
  const said = `GitHub answered ${path} with ${status}${wordsOf(text)}`;
  const afterMs = waitOf(status, headers, now);
  if (afterMs !== null) throw new HaldaneError('throttled', said, { details: { afterMs } });
  if (status >= 500 || status === 408) throw new HaldaneError('unavailable', said);
  if (status === 404) throw new HaldaneError('not-found', `${said}: it is not there, or not for this App`);
  if (status === 401 || status === 403 || status < 400) throw new HaldaneError('denied', said);
  throw new HaldaneError('bad-request', said);
}

/** A spent limit looks like a missing right: what tells them apart is that it says when to come again. */
function waitOf(status: number, headers: Headers, now: number): number | null {
  if (status !== 403 && status !== 429) return null;
  const after = headers.get('retry-after');
  const reset = headers.get('x-ratelimit-remaining') === '0' ? headers.get('x-ratelimit-reset') : null;
  if (after === null && reset === null) return status === 429 ? 60_000 : null;
  const ms = after === null ? Number(reset) * 1000 - now : Number(after) * 1000;
  return Number.isFinite(ms) ? Math.min(longestWaitMs, Math.max(1_000, ms)) : 60_000;
}

function wordsOf(text: string): string {
  const { message } = (parsed(text) ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? `: ${cutTo(message.replace(/\p{Cc}+/gu, ' '), 300)}` : '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
