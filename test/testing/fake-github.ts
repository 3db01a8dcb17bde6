import { createHash } from 'node:crypto';
import { type Answer, type JsonServer, jsonServer } from './json-server.ts';

type Status = { readonly state: string; readonly created_at: string };
type Deployment = {
  readonly id: number;
  readonly sha: string;
  readonly environment: string;
  readonly created_at: string;
  statuses: Status[];
};
type Run = { readonly id: number; status: string; jobs: { readonly name: string; status: string }[] };

export type FakeGitHub = JsonServer & {
  /** Epoch ms, by which what happens is dated. */
  now: number;
  deployments: Deployment[];
  runs: Run[];
  environments: string[];
  /** Questions that are left in this window; answers 304 cost none. */
  remaining: number;
  /** A deployment to an environment begins, with this state of its own; null: with none yet. */
  begin(sha: string, state: string | null, environment?: string): Deployment;
  /** A deployment moves on. One that succeeds makes those before it inactive, as GitHub does. */
  move(deployment: Deployment, state: string): void;
};

const repository = 'acme/shop';

/** GitHub's REST API over one repository: pages with Link headers, ETags, and a rate limit, as it answers who shows the token. */
export async function fakeGitHub({ token, perPage }: { readonly token: string; readonly perPage?: number }): Promise<FakeGitHub> {
  const answerTo = (url: URL): Answer | null => {
    const path = url.pathname.replace('/api/v3', '');
    const below = path.startsWith(`/repos/${repository}/`) ? path.slice(`/repos/${repository}/`.length) : '';
    if (below === 'deployments') {
      const environment = url.searchParams.get('environment');
      return paged(
        url,
        hub.deployments
          .filter((one) => one.environment === environment)
          .toReversed()
          .map(deploymentJson),
        perPage,
      );
    }
    const statuses = /^deployments\/(\d+)\/statuses$/.exec(below);
    if (statuses !== null) {
      const found = hub.deployments.find(({ id }) => id === Number(statuses[1]));
      return found === undefined
        ? null
        : paged(
            url,
            found.statuses.toReversed().map((one) => statusJson(found, one)),
          );
    }
    if (below === 'environments')
      return ok({
        total_count: hub.environments.length,
        environments: hub.environments.map((name, id) => ({ id, name, protection_rules: [] })),
      });
    if (below === 'actions/workflows/deploy.yml/runs') {
      const status = url.searchParams.get('status');
      const found = hub.runs.filter((run) => status === null || run.status === status);
      const { json, ...page } = paged(url, found.toReversed().map(runJson));
      return { ...page, json: { total_count: found.length, workflow_runs: json } };
    }
    const jobs = /^actions\/runs\/(\d+)\/jobs$/.exec(below);
    if (jobs !== null) {
      const found = hub.runs.find(({ id }) => id === Number(jobs[1]));
      if (found === undefined) return null;
      const { json, ...page } = paged(
        url,
        found.jobs.map((job, id) => ({ id, ...job })),
      );
      return { ...page, json: { total_count: found.jobs.length, jobs: json } };
    }
    const commit = /^commits\/([0-9a-f]+)$/.exec(below);
    if (commit !== null)
      return ok({
        sha: commit[1],
        commit: { message: 'Charge once\n\nNot twice.', committer: { name: 'A', date: '2026-01-02T03:04:05Z' } },
      });
    return null;
  };
  const server = await jsonServer(({ url, headers }) => {
    if (headers.authorization !== `Bearer ${token}`) return { status: 401, json: { message: 'Bad credentials', status: '401' } };
    const limits = () => ({
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': String(hub.remaining),
      'x-ratelimit-reset': String(Math.ceil(hub.now / 1000) + 900),
    });
    const answer = answerTo(url) ?? { status: 404, json: { message: 'Not Found', status: '404' } };
    const etag = `W/"${createHash('sha256').update(JSON.stringify(answer)).digest('hex')}"`;
    if (answer.status === 200 && headers['if-none-match'] === etag) return { status: 304, headers: { etag, ...limits() } };
    if (hub.remaining === 0) return { status: 403, headers: limits(), json: { message: 'API rate limit exceeded for installation ID 1.' } };
    hub.remaining -= 1;
    return { ...answer, headers: { ...answer.headers, ...limits(), ...(answer.status === 200 ? { etag } : {}) } };
  });
  const hub: FakeGitHub = Object.assign(server, {
    now: Date.parse('2026-01-02T10:00:00Z'),
    deployments: [] as Deployment[],
    runs: [] as Run[],
    environments: ['production', 'staging'],
    remaining: 5_000,
    begin(sha: string, state: string | null, environment = 'production') {
      hub.now += 60_000;
      const at = stamp(hub.now);
      const made: Deployment = { id: 1_000 + hub.deployments.length, sha, environment, created_at: at, statuses: [] };
      hub.deployments.push(made);
      if (state !== null) hub.move(made, state);
      return made;
    },
    move(deployment: Deployment, state: string) {
      hub.now += 60_000;
      deployment.statuses.push({ state, created_at: stamp(hub.now) });
      if (state !== 'success') return;
      for (const other of hub.deployments)
        if (other !== deployment && other.environment === deployment.environment && other.statuses.at(-1)?.state === 'success')
          other.statuses.push({ state: 'inactive', created_at: stamp(hub.now) });
    },
  });

  function paged(url: URL, all: readonly unknown[], most = 100): Answer {
    const size = Math.min(most, Number(url.searchParams.get('per_page') ?? 30));
    const page = Number(url.searchParams.get('page') ?? 1);
    const items = all.slice((page - 1) * size, page * size);
    if (page * size >= all.length) return ok(items);
    const at = (n: number) => {
      const address = new URL(url.pathname + url.search, hub.address);
      address.searchParams.set('page', String(n));
      return address.href;
    };
    return { ...ok(items), headers: { link: `<${at(page + 1)}>; rel="next", <${at(Math.ceil(all.length / size))}>; rel="last"` } };
  }

  return hub;
}

function ok(json: unknown): Answer {
  return { status: 200, json };
}

function stamp(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

function deploymentJson({ id, sha, environment, created_at, statuses }: Deployment) {
  const url = `https://api.github.com/repos/${repository}/deployments/${id}`;
  return {
    url,
    id,
    node_id: `DE_${id}`,
    sha,
    ref: 'main',
    task: 'deploy',
    payload: {},
    original_environment: environment,
    environment,
    description: null,
    creator: { login: 'github-actions[bot]', id: 41_898_282, type: 'Bot' },
    created_at,
    updated_at: statuses.at(-1)?.created_at ?? created_at,
    statuses_url: `${url}/statuses`,
    transient_environment: false,
    production_environment: environment === 'production',
  };
}

function statusJson({ id, environment }: Deployment, { state, created_at }: Status) {
  return {
    id: id * 10,
    state,
    environment,
    description: '',
    target_url: '',
    log_url: `https://github.com/${repository}/actions/runs/${id}/job/1`,
    environment_url: '',
    created_at,
    updated_at: created_at,
  };
}

function runJson({ id, status }: Run) {
  return {
    id,
    name: 'deploy',
    run_number: id % 100,
    path: '.github/workflows/deploy.yml',
    event: 'push',
    status,
    conclusion: null,
    head_sha: 'a',
  };
}
