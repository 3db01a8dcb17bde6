import {
  type Arm,
  type DependencyFault,
  type DependencyProbe,
  type ErrorCode,
  HaldaneError,
  messageOf,
  type RequestFault,
} from '@haldane/core';
import type { Dataplane } from './dataplane.ts';
import { linesOf } from './lines-of.ts';
import { mostKeysAtOnce } from './schemas.ts';
import {
  type Attachment,
  adminPaths,
  type BudgetHeld,
  type BudgetOrder,
  type ProxyConfig,
  type ProxyView,
  type RouteConfig,
  type RouterTelemetry,
  type RouterView,
  type RouteView,
  type SliceConfig,
  type TelemetryAnswer,
  type TelemetryNews,
} from './wire.ts';

/** A stream says something each second; after this long without a word there is nobody any more. */
const silentMs = 3000;

export type DataplaneClientOptions = {
  /** The admin interface's base address: `http://127.0.0.1:4711`; asked at each call where a router may come back elsewhere. */
  readonly url: string | (() => string);
  readonly token: string;
  /** How long one call may take. Default 5 s. */
  readonly timeoutMs?: number;
};

/**
 * Speaks to one router. Every call throws `unavailable` (no answer, too late, a 5xx), `denied` (the token), `gone` (no such
 * route, run or proxy), `conflict` or `bad-request`; an aborted signal's own reason goes through. Deletes succeed when there is nothing.
 */
export class DataplaneClient implements Dataplane {
  readonly #url: () => string;
  readonly #token: string;
  readonly #timeoutMs: number;

  constructor(options: DataplaneClientOptions) {
    const { url } = options;
    this.#url = typeof url === 'string' ? () => url : url;
    this.#token = options.token;
    this.#timeoutMs = options.timeoutMs ?? 5000;
  }

  get url(): string {
    return this.#url().replace(/\/+$/, '');
  }

  putRoute(config: RouteConfig, signal?: AbortSignal): Promise<RouteView> {
    return this.#call('PUT', adminPaths.route(config.route), config, signal);
  }
  async deleteRoute(route: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.route(route), undefined, signal);
  }
  attach(attachment: Attachment, signal?: AbortSignal): Promise<RouteView> {
    return this.#call('PUT', adminPaths.attachment(attachment.route, attachment.runId), attachment, signal);
  }
  async detach(route: string, runId: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.attachment(route, runId), undefined, signal);
  }
  putSlice(route: string, slice: SliceConfig, signal?: AbortSignal): Promise<RouteView> {
    return this.#call('PUT', adminPaths.slice(route, slice.runId, slice.name), slice, signal);
  }
  async deleteSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.slice(route, runId, name), undefined, signal);
  }
  /** As `deleteSlice`, and ends the connections of all real requests that it brought into an arm: they count as failures. */
  async cutSlice(route: string, runId: string, name: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.cut(route, runId, name), undefined, signal);
  }
  putProxy(config: ProxyConfig, signal?: AbortSignal): Promise<ProxyView> {
    return this.#call('PUT', adminPaths.proxy(config.proxy), config, signal);
  }
  async deleteProxy(proxy: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.proxy(proxy), undefined, signal);
  }
  setFault(proxy: string, fault: DependencyFault, signal?: AbortSignal): Promise<ProxyView> {
    return this.#call('PUT', adminPaths.fault(proxy), fault, signal);
  }
  async clearFault(proxy: string, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.fault(proxy), undefined, signal);
  }
  /** The router calls the dependency through its own proxy, as the arm beside it does; counted as no contact. */
  check(proxy: string, path: string, signal?: AbortSignal): Promise<DependencyProbe> {
    return this.#call('POST', adminPaths.check(proxy), { path }, signal);
  }
  setRequestFault(route: string, runId: string, arm: Arm, fault: RequestFault, signal?: AbortSignal): Promise<RouteView> {
    return this.#call('PUT', adminPaths.requestFault(route, runId, arm), fault, signal);
  }
  async clearRequestFault(route: string, runId: string, arm: Arm, signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.requestFault(route, runId, arm), undefined, signal);
  }
  /** Every effect of the run now ends at `until` (epoch ms). A run that has nothing here is no error. */
  async renew(runId: string, until: number, signal?: AbortSignal): Promise<void> {
    await this.#call('POST', adminPaths.lease(runId), { until }, signal);
  }
  budget(runId: string, signal?: AbortSignal): Promise<BudgetHeld> {
    return this.#call('GET', adminPaths.budget(runId), undefined, signal);
  }
  /** Answers with what the router really holds then; an order older than the last one it followed changes nothing. */
  order(order: BudgetOrder, signal?: AbortSignal): Promise<BudgetHeld> {
    return this.#call('PUT', adminPaths.budget(order.runId), order, signal);
  }
  /** Hashes of keys that succeeded at other routers. */
  async learn(runId: string, succeeded: readonly string[], signal?: AbortSignal): Promise<void> {
    for (let i = 0; i < succeeded.length; i += mostKeysAtOnce)
      await this.#call('POST', adminPaths.keys(runId), { succeeded: succeeded.slice(i, i + mostKeysAtOnce) }, signal);
  }
  view(signal?: AbortSignal): Promise<RouterView> {
    return this.#call('GET', adminPaths.view, undefined, signal);
  }
  /** Closed seconds after the epoch second `after`. Throws `gone` when the router never heard of the run. */
  telemetry(runId: string, after: number, signal?: AbortSignal): Promise<TelemetryAnswer> {
    return this.#call('GET', adminPaths.telemetry(runId, after), undefined, signal);
  }
  /** As `telemetry`, with what is needed to add up several routers. */
  names(runId: string, after: number, signal?: AbortSignal): Promise<RouterTelemetry> {
    return this.#call('GET', adminPaths.names(runId, after), undefined, signal);
  }
  /** Whether a router answers there at all; never throws. */
  async isHealthy(signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#call('GET', adminPaths.health, undefined, signal);
      return true;
    } catch {
      return false;
    }
  }
  /** Ends every run's effects at this router, users first, and lets it take none on until `lift`. Needs nothing but the router. */
  async halt(why: string, signal?: AbortSignal): Promise<void> {
    await this.#call('PUT', adminPaths.halt, { why }, signal);
  }
  async lift(signal?: AbortSignal): Promise<void> {
    await this.#call('DELETE', adminPaths.halt, undefined, signal);
  }
  /** Asks the router to finish what is in flight and end. Returns before it has. */
  async drain(signal?: AbortSignal): Promise<void> {
    await this.#call('POST', adminPaths.drain, {}, signal);
  }

  async *follow(runId: string, after: number, signal: AbortSignal): AsyncGenerator<TelemetryNews> {
    const path = adminPaths.stream(runId, after);
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(new Error(`nothing was said for ${silentMs} ms`)), silentMs);
    try {
      const response = await this.#fetch('GET', path, undefined, AbortSignal.any([signal, silence.signal]));
      if (!response.ok || response.body === null) throw refusal(`GET ${path}`, response.status, parse(await response.text()));
      for await (const line of linesOf(response.body)) {
        timer.refresh();
        yield JSON.parse(line) as TelemetryNews;
      }
    } catch (error) {
      throw this.#failure(`GET ${path}`, error, signal);
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  /** A question that was not answered in time is asked once more: a busy machine must not end a run that has nothing to put right. */
  async #call<T>(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
    tries = method === 'GET' ? 2 : 1,
  ): Promise<T> {
    const limit = AbortSignal.timeout(this.#timeoutMs);
    let status: number;
    let text: string;
    try {
      const response = await this.#fetch(method, path, body, signal ? AbortSignal.any([signal, limit]) : limit);
      status = response.status;
      text = await response.text();
    } catch (error) {
      if (limit.aborted && tries > 1 && !signal?.aborted) return this.#call(method, path, body, signal, tries - 1);
      throw this.#failure(`${method} ${path}`, error, signal);
    }
    const answer = parse(text);
    if (status >= 200 && status < 300 && answer !== undefined) return answer as T;
    throw refusal(`${method} ${path}`, status, answer);
  }
  #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
  }
  #failure(call: string, error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    if (error instanceof HaldaneError) return error;
    return new HaldaneError('unavailable', `the router at ${this.url} did not answer ${call}: ${wordsOf(error)}`, { cause: error });
  }
}

function refusal(call: string, status: number, answer: unknown): HaldaneError {
  const said = (answer as { message?: unknown } | undefined)?.message;
  return new HaldaneError(
    codeOf(status),
    `the router refused ${call} with ${status}: ${typeof said === 'string' ? said : 'no JSON in its answer'}`,
  );
}

function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'gone';
  if (status === 409) return 'conflict';
  return status >= 400 && status < 500 ? 'bad-request' : 'unavailable';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch says only "fetch failed"; why stands in its cause. */
function wordsOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}
