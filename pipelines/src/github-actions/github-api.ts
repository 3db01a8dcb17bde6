import { HaldaneError, type JsonObject } from '@haldane/core';
import type { Outside } from '../live-source.ts';
import { asAnswered, readJson } from '../read-json.ts';

/** A wait that is shorter is waited; a longer one is told. */
const patienceMs = 5_000;
/** Answers that are kept, to ask only whether they still hold. */
const mostKept = 500;

type Kept = { readonly etag: string; readonly json: unknown; readonly next: string | null };

/** One page, and where the next one is. */
export type Page<T> = { readonly items: T; readonly next: string | null };

export type GitHubOptions = Pick<Outside, 'clock' | 'egress' | 'answerWithinMs'> & { readonly api: string; readonly token: string };

/**
 * GitHub's REST API, as it wants to be asked: what was answered before is asked for with its ETag, which costs nothing of the rate limit while it
 * holds, and nothing is asked while the limit is spent. Throws what `readJson` does, and `throttled` with the time from which on it may be asked.
 */
export class GitHubApi {
  readonly #options: GitHubOptions;
  readonly #kept = new Map<string, Kept>();
  #silentUntil = 0;

  constructor(options: GitHubOptions) {
    this.#options = options;
  }

  async get<T>(path: string, schema: JsonObject, signal: AbortSignal): Promise<T> {
    return (await this.page<T>(path, schema, signal)).items;
  }

  /** `path` below the API's address, or what an earlier page gave as `next`. */
  async page<T>(path: string, schema: JsonObject, signal: AbortSignal): Promise<Page<T>> {
    const base = this.#options.api.replace(/\/+$/, '');
    const url = new URL(path.startsWith('/') ? base + path : path);
    if (!url.href.startsWith(`${new URL(base).href.replace(/\/+$/, '')}/`))
      throw new HaldaneError('unavailable', 'GitHub names a next page that is not its own');
    const { items, next } = await this.#ask(url, signal);
    return { items: asAnswered<T>(schema, items, 'GitHub', url.pathname), next };
  }

  async #ask(url: URL, signal: AbortSignal): Promise<Page<unknown>> {
    const { clock, egress, answerWithinMs, token } = this.#options;
    await this.#wait(signal);
    const kept = this.#kept.get(url.href);
    const headers = {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      authorization: `Bearer ${token}`,
      ...(kept === undefined ? {} : { 'if-none-match': kept.etag }),
    };
    const refuse = (status: number, answered: Headers) => this.#heed(status, answered);
    const answer = await readJson(url, { who: 'GitHub', headers, clock, egress, answerWithinMs, refuse }, signal);
    if (answer.status === 304) {
      if (kept === undefined)
        throw new HaldaneError('unavailable', `GitHub says of ${url.pathname} that it is as before, and nothing was before`);
      return { items: kept.json, next: kept.next };
    }
    const next = nextOf(answer.headers.get('link'));
    const etag = answer.headers.get('etag');
    this.#kept.delete(url.href);
    if (etag !== null) this.#kept.set(url.href, { etag, json: answer.json, next });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
    return { items: answer.json, next };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const waitMs = this.#silentUntil - this.#options.clock.now();
    if (waitMs > patienceMs) throw this.#throttled();
    if (waitMs > 0) await this.#options.clock.sleep(waitMs, signal);
  }

  /** A spent limit looks like a missing right: what tells them apart is that it says when to come again. */
  #heed(status: number, headers: Headers): void {
    if (status !== 403 && status !== 429) return;
    const retryAfter = headers.get('retry-after');
    const reset = headers.get('x-ratelimit-remaining') === '0' ? headers.get('x-ratelimit-reset') : null;
    const now = this.#options.clock.now();
    const until =
      retryAfter !== null ? now + Number(retryAfter) * 1000 : reset !== null ? Number(reset) * 1000 : status === 429 ? now + 60_000 : null;
    if (until === null) return;
    this.#silentUntil = Number.isFinite(until) ? until : now + 60_000;
    throw this.#throttled();
  }

  #throttled(): HaldaneError {
    const until = new Date(this.#silentUntil).toISOString();
    return new HaldaneError('throttled', `GitHub's rate limit is spent; it may be asked again at ${until}`, { details: { until } });
  }
}

/** The address of `rel="next"` in a Link header (RFC 8288); null on the last page. */
function nextOf(link: string | null): string | null {
  for (const part of (link ?? '').split(/,\s*(?=<)/)) {
    const [, address, params] = /^<([^>]*)>(.*)$/.exec(part.trim()) ?? [];
    if (address !== undefined && /;\s*rel="?next"?/.test(params ?? '')) return address;
  }
  return null;
}
