import { HaldaneError } from '@haldane/core';

/** One metric of one target group, minute by minute. */
export type Wanted = { readonly group: string; readonly metric: string; readonly stat: 'Sum' | 'Maximum' };
/** Values by the epoch second in which their minute begins. */
export type ByMinute = ReadonlyMap<number, number>;

/** Reads what CloudWatch keeps of minutes that begin from `from` on and before `to` (epoch seconds), in the order of what is wanted. */
export type AskCloudWatch = (
  balancer: string,
  wanted: readonly Wanted[],
  from: number,
  to: number,
  signal: AbortSignal,
) => Promise<readonly ByMinute[]>;

/** A page as GetMetricData answers it. */
export type Page = {
  readonly MetricDataResults?: readonly PageResult[] | undefined;
  readonly Messages?: readonly Message[] | undefined;
  readonly NextToken?: string | undefined;
};
type PageResult = {
  readonly Id?: string | undefined;
  readonly StatusCode?: string | undefined;
  readonly Timestamps?: readonly Date[] | undefined;
  readonly Values?: readonly number[] | undefined;
  readonly Messages?: readonly Message[] | undefined;
};
type Message = { readonly Code?: string | undefined; readonly Value?: string | undefined };

/** What a page is asked for with. */
export type PageAsked = {
  readonly balancer: string;
  readonly wanted: readonly (Wanted & { readonly id: string })[];
  readonly from: number;
  readonly to: number;
  readonly token: string | undefined;
};
export type ReadPage = (asked: PageAsked, signal: AbortSignal) => Promise<Page>;

/** More pages than a day of minutes of five groups take: whoever goes on beyond is not telling us anything. */
const mostPages = 20;

/**
 * All pages of an answer, put together. Part of an answer is none: throws `unavailable` while CloudWatch does not call each metric complete, or has
 * anything to say about its answer, and `denied` where it keeps a metric to itself.
 */
export function wholeAnswers(read: ReadPage): AskCloudWatch {
  return async (balancer, wanted, from, to, signal) => {
    const named = wanted.map((one, index) => ({ ...one, id: `m${index}` }));
    const found = new Map(
      named.map(({ id, metric, group }) => [id, { values: new Map<number, number>(), status: 'not told', named: `${metric} of ${group}` }]),
    );
    let token: string | undefined;
    for (let pages = 0; pages === 0 || token !== undefined; pages += 1) {
      if (pages >= mostPages) throw new HaldaneError('unavailable', `CloudWatch goes on after ${mostPages} pages of one answer`);
      const page = await read({ balancer, wanted: named, from, to, token }, signal);
      for (const { Id = '', StatusCode = 'not told', Timestamps = [], Values = [], Messages = [] } of page.MetricDataResults ?? []) {
        requireQuiet(Messages);
        const one = found.get(Id);
        if (one === undefined) continue;
        one.status = StatusCode;
        for (const [at, value] of valuesOf(Timestamps, Values, one.named)) one.values.set(at, value);
      }
      requireQuiet(page.Messages ?? []);
      token = page.NextToken;
    }
    return named.map(({ id, metric, group }) => {
      const { values, status } = found.get(id) ?? { values: new Map<number, number>(), status: 'not told' };
      if (status === 'Complete') return values;
      throw new HaldaneError(
        status === 'Forbidden' ? 'denied' : 'unavailable',
        `CloudWatch did not tell all of ${metric} of ${group} (${status})`,
      );
    });
  };
}

function requireQuiet(messages: readonly Message[]): void {
  if (messages.length > 0)
    throw new HaldaneError(
      'unavailable',
      `CloudWatch may not have told all: ${messages.map(({ Code = 'message', Value = '' }) => `${Code}: ${Value}`).join('; ')}`,
    );
}

/** Values by epoch second. */
function valuesOf(timestamps: readonly Date[], values: readonly number[], named: string): readonly (readonly [number, number])[] {
  return timestamps.map((at, index) => {
    const value = values[index];
    if (value !== undefined) return [at.getTime() / 1000, value];
    throw new HaldaneError('unavailable', `CloudWatch told no value of ${named} for ${at.toISOString()}, and no data is no zero`);
  });
}
