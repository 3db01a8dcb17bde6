import { type Clock, cutTo, type HaldaneError, type Notice, type Notifier } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import { accepted } from '../accepted.ts';
import type { AppDoor } from './app-door.ts';
import { checkId, checkName, concluded, underWay } from './check-run.ts';
import { commentOf, markOf } from './comment.ts';

type Options = {
  /** owner/name */
  readonly repository: string;
  /** Where the REST API is, like https://api.github.com. */
  readonly api: string;
  readonly tokenOf: (signal: AbortSignal) => Promise<string>;
  /** Keys the marks by which our own comments are found again. */
  readonly seal: string;
  /** Whether a verdict is a status of the revision's deployment, too. */
  readonly deployments: boolean;
  /** Makes a check run of each experiment, too; null: none. */
  readonly checks: AppDoor | null;
  readonly egress: Egress;
  readonly clock: Clock;
};

/** Pages of a hundred comments that are looked through for our own. */
const mostPages = 10;
const commit = /\b[0-9a-f]{40}\b/;

/**
 * The pull requests that brought a revision, on GitHub: one comment on each, written anew with every notice of the same experiment, so that a
 * notice that comes twice changes nothing. News that name no commit, and commits of no pull request, are told nobody.
 */
export function githubNotifier({ repository, api, tokenOf, seal, deployments, checks, egress, clock }: Options): Notifier {
  const ask = async <T>(method: 'GET' | 'POST' | 'PATCH', path: string, signal: AbortSignal, body?: unknown): Promise<T> => {
    const headers = {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${await tokenOf(signal)}`,
      'user-agent': 'haldane',
      'x-github-api-version': '2022-11-28',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const url = `${api.replace(/\/$/, '')}/repos/${repository}${path}`;
    const answer = await egress.send({ method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }, signal);
    // GitHub says so, and not 429, when it was asked too often.
    const tired = answer.status === 403 && (answer.headers['retry-after'] !== undefined || answer.headers['x-ratelimit-remaining'] === '0');
    accepted(tired ? { ...answer, status: 429, headers: resetOf(answer.headers, clock.now()) } : answer, clock.now());
    return (answer.body === '' ? null : JSON.parse(answer.body)) as T;
  };

  const ownComment = async (pull: number, mark: string, signal: AbortSignal): Promise<number | null> => {
    for (let page = 1; page <= mostPages; page += 1) {
      const found = await ask<readonly { id: number; body: string | null }[]>(
        'GET',
        `/issues/${pull}/comments?per_page=100&page=${page}`,
        signal,
      );
      const own = found.find(({ body }) => body?.startsWith(mark));
      if (own !== undefined) return own.id;
      if (found.length < 100) return null;
    }
    return null;
  };

  const comment = async (sha: string, notice: Notice, signal: AbortSignal): Promise<void> => {
    const pulls = await pullsOf(sha, signal);
    for (const pull of pulls) {
      const mark = markOf(notice, { repository, pull, seal });
      const own = await ownComment(pull, mark, signal);
      const body = { body: commentOf(notice, mark) };
      if (own === null) await ask('POST', `/issues/${pull}/comments`, signal, body);
      else await ask('PATCH', `/issues/comments/${own}`, signal, body);
    }
  };

  const pullsOf = async (sha: string, signal: AbortSignal): Promise<readonly number[]> => {
    try {
      return (await ask<readonly { number: number }[]>('GET', `/commits/${sha}/pulls`, signal)).map(({ number }) => number);
    } catch (error) {
      // 422: the repository has no such commit. Nobody waits for a word about it there.
      if ((error as HaldaneError).code === 'bad-request') return [];
      throw error;
    }
  };

  const status = async (sha: string, notice: Notice, signal: AbortSignal): Promise<void> => {
    const state = stateOf(notice);
    if (state === null) return;
    const wanted = new URLSearchParams({ sha, environment: notice.environment, per_page: '1' }).toString();
    const [deployment] = await ask<readonly { id: number }[]>('GET', `/deployments?${wanted}`, signal);
    if (deployment === undefined) return;
    await ask('POST', `/deployments/${deployment.id}/statuses`, signal, {
      state,
      environment: notice.environment,
      description: cutTo(notice.headline, 140),
      // Other deployments are not ours to call inactive.
      auto_inactive: false,
      ...(notice.link === null ? {} : { log_url: notice.link }),
    });
  };

  /** Written anew with each notice of the same experiment and commit; a run that begins again is one that goes on again. */
  const check = async (sha: string, notice: Notice, door: AppDoor, signal: AbortSignal): Promise<void> => {
    const { topic, experiment, runId } = notice;
    if (topic !== 'started' && topic !== 'stopped' && topic !== 'verdict') return;
    const [name, external_id] = [checkName(notice), checkId(notice, repository, seal)];
    const shown =
      topic === 'verdict'
        ? concluded(notice, experiment, await door.gate(notice, notice.revision ?? sha), runId === null ? null : await door.report(runId))
        : underWay(notice);
    const wanted = new URLSearchParams({ check_name: name, filter: 'latest', per_page: '100' }).toString();
    const found = await ask<{
      check_runs: readonly { id: number; external_id: string | null; app: { id: number; client_id?: string } | null }[];
    }>('GET', `/commits/${sha}/check-runs?${wanted}`, signal);
    // GitHub lets an App write into its own only.
    const own = found.check_runs.find(
      (one) => one.external_id === external_id && [String(one.app?.id), one.app?.client_id].includes(door.app),
    );
    if (own === undefined) await ask('POST', '/check-runs', signal, { name, head_sha: sha, external_id, ...shown });
    else await ask('PATCH', `/check-runs/${own.id}`, signal, shown);
  };

  return {
    async deliver({ notice }, signal) {
      const [sha, cameInWith] = [notice.revision, notice.cameInWith].map((revision) => commit.exec(revision ?? '')?.[0]);
      if (cameInWith !== undefined && cameInWith !== sha) await comment(cameInWith, notice, signal);
      if (sha === undefined) return;
      await comment(sha, notice, signal);
      if (deployments) await status(sha, notice, signal);
      if (checks !== null) await check(sha, notice, checks, signal);
    },
  };
}

/** Only what is known is said of a deployment: an answer that is none leaves its status as it is. */
function stateOf({ verdict, topic }: Notice): 'success' | 'failure' | null {
  if (topic !== 'verdict') return null;
  return verdict === 'resilient' ? 'success' : verdict === 'vulnerable' ? 'failure' : null;
}

function resetOf(headers: Readonly<Record<string, string>>, now: number): Readonly<Record<string, string>> {
  const reset = Number(headers['x-ratelimit-reset']);
  const wait = headers['retry-after'] ?? String(Number.isFinite(reset) ? Math.max(1, Math.ceil(reset - now / 1000)) : 60);
  return { 'retry-after': wait };
}
