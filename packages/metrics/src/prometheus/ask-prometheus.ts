import { HaldaneError, messageOf } from '@haldane/core';

/** One time series: its labels, and its value at each epoch second where it had one. */
export type Series = { readonly labels: Readonly<Record<string, string>>; readonly at: ReadonlyMap<number, number> };

const answerWithinMs = 2_000;

/** What an expression is at each second from `from` to `to`. Throws `unavailable` when Prometheus does not answer, `bad-request` when it refuses the expression. */
export async function askPrometheus(url: string, query: string, from: number, to: number, signal: AbortSignal): Promise<readonly Series[]> {
  const form = new URLSearchParams({ query, start: `${from}`, end: `${to}`, step: '1' });
  let status: number;
  let answer: Answer;
  try {
    const response = await fetch(new URL('api/v1/query_range', url.endsWith('/') ? url : `${url}/`), {
      method: 'POST',
      body: form,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
    status = response.status;
    answer = (await response.json()) as Answer;
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new HaldaneError('unavailable', `Prometheus did not answer: ${messageOf(cause)}`, { cause });
  }
  if (answer.status !== 'success' || answer.data?.result === undefined)
    throw new HaldaneError(
      status === 400 || status === 422 ? 'bad-request' : 'unavailable',
      `Prometheus refused ${query} with ${status}: ${answer.error ?? 'no reason given'}`,
    );
  return answer.data.result.map(({ metric, values }) => ({
    labels: metric,
    at: new Map(values.map(([at, value]) => [at, Number(value)])),
  }));
}

type Answer = {
  readonly status?: string;
  readonly error?: string;
  readonly data?: {
    readonly result?: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
};
