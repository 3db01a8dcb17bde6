import { HaldaneError, messageOf } from '@haldane/core';
import type { Answer, Egress } from '@haldane/egress';

/** One time series: its labels, and what was read of it, in order: when (epoch ms) and what. */
export type Series = { readonly labels: Readonly<Record<string, string>>; readonly samples: readonly (readonly [number, number])[] };

/** Reads what was stored of a selector in so many seconds before `at` (epoch ms). */
export type AskPrometheus = (selector: string, seconds: number, at: number, signal: AbortSignal) => Promise<readonly Series[]>;

const usuallyWithinMs = 2_000;
/** An hour of a counter's readings at each second, by status, of a few hundred instances. */
const mostBytes = 50_000_000;

/**
 * Readings as they were stored, each with the time that its instance was read at: nothing is interpolated, repeated or summed. The address is
 * the operator's own. Throws `unavailable` when Prometheus does not answer, or warns of its answer; `bad-request` when it refuses the selector.
 */
export function askPrometheus(url: string, egress: Egress, answerWithinMs = usuallyWithinMs): AskPrometheus {
  const address = new URL('api/v1/query', url.endsWith('/') ? url : `${url}/`).href;
  return async (selector, seconds, at, signal) => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]);
    const { status, body } = await send(selector, seconds, at, within).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new HaldaneError('unavailable', `Prometheus did not answer: ${messageOf(cause)}`, { cause });
    });
    const answer = said(body);
    if (answer.status !== 'success' || answer.data?.result === undefined)
      throw new HaldaneError(
        status === 400 || status === 422 ? 'bad-request' : 'unavailable',
        `Prometheus refused ${selector} with ${status}: ${answer.error ?? 'no reason given'}`,
      );
    if (answer.warnings !== undefined && answer.warnings.length > 0)
      throw new HaldaneError('unavailable', `Prometheus may not have told all of ${selector}: ${answer.warnings.join('; ')}`);
    return answer.data.result.map(({ metric, values }) => ({
      labels: metric,
      samples: values.map(([second, value]) => [Math.round(second * 1000), Number(value)] as const),
    }));
  };

  function send(selector: string, seconds: number, at: number, signal: AbortSignal): Promise<Answer> {
    const body = new URLSearchParams({ query: `${selector}[${Math.ceil(seconds)}s]`, time: `${at / 1000}` }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return egress.send({ method: 'POST', url: address, headers, body, byOperator: true, mostBytes }, signal);
  }
}

/** What cannot be read says nothing, and so no success. */
function said(body: string): Said {
  try {
    return JSON.parse(body) as Said;
  } catch {
    return { error: 'its answer is not JSON' };
  }
}

type Said = {
  readonly status?: string;
  readonly error?: string;
  /** That part of an answer is missing, for instance. */
  readonly warnings?: readonly string[];
  readonly data?: {
    readonly result?: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly values: readonly (readonly [number, string])[];
    }[];
  };
};
