import { createHmac, generateKeyPairSync, randomUUID, verify } from 'node:crypto';
import { type Answer, type Asked, type JsonServer, jsonServer } from './json-server.ts';

/** What GitHub was told of a deploy: a status report has no state. */
type Review = {
  readonly run: number;
  readonly environment_name: string;
  readonly state?: 'approved' | 'rejected';
  readonly comment?: string;
};

type Check = {
  readonly id: number;
  readonly head_sha: string;
  readonly name: string;
  readonly external_id: string;
  readonly app: { readonly id: number; readonly client_id: string; readonly slug: string };
  status: string;
  conclusion: string | null;
  output?: { readonly title: string; readonly summary: string };
};

export type FakeGitHubApp = JsonServer & {
  /** What the App is given. */
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** Epoch ms by GitHub's clock. */
  now: () => number;
  readonly reviews: Review[];
  readonly checks: Check[];
  /** Newest first; each with its newest state. */
  deployments: readonly { readonly id: number; readonly environment: string; readonly sha: string; readonly state: string | null }[];
  /** Tokens that were made, each with what it may do. */
  readonly tokens: Map<string, { readonly permissions: Readonly<Record<string, string>>; readonly until: number }>;
  /** A job reaches the protected environment: the payload that GitHub sends of it. */
  holds(deploy: { readonly run: number; readonly deployment: number; readonly environment: string; readonly sha: string }): object;
  /** Sends an event, signed as GitHub signs it. */
  send(hook: string, event: string, payload: object | string, secret?: string): Promise<{ status: number; says: string }>;
};

const repository = 'acme/payments';
const app = 'Iv23liHaldane';

/**
 * GitHub as a GitHub App meets it: logins of ten minutes at most that the App's key signs, tokens of one installation for an hour, and deploys that wait at a
 * protection rule and take ten reports of 1024 characters and one answer. The shapes are those of GitHub's published descriptions.
 */
export async function fakeGitHubApp(): Promise<FakeGitHubApp> {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const waiting = new Set<string>();
  const isLogin = ({ headers }: Asked): boolean => {
    const [head = '', claims = '', signature = ''] = (headers.authorization ?? '').replace(/^Bearer /, '').split('.');
    const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
    if (!verify('RSA-SHA256', Buffer.from(`${head}.${claims}`), keys.publicKey, Buffer.from(signature, 'base64url'))) return false;
    const { iss, iat, exp } = read(claims) as { iss: string; iat: number; exp: number };
    const now = hub.now() / 1000;
    return read(head)['alg'] === 'RS256' && iss === app && iat <= now && exp > now && exp - now <= 600;
  };
  const may = ({ headers }: Asked, name: string): boolean => {
    const token = hub.tokens.get((headers.authorization ?? '').replace(/^Bearer /, ''));
    return token !== undefined && token.until > hub.now() && token.permissions[name] === 'write';
  };
  const answer = (asked: Asked): Answer => {
    const route = `${asked.method} ${asked.url.pathname.replace(`/repos/${repository}`, '')}`;
    const given = () => JSON.parse(asked.body) as Record<string, never>;
    if (route === 'GET /installation')
      return isLogin(asked)
        ? ok({ id: 4242, account: { login: 'acme', type: 'Organization' }, app_slug: 'haldane', events: ['deployment_protection_rule'] })
        : bad;
    if (route === 'POST /app/installations/4242/access_tokens') {
      if (!isLogin(asked)) return bad;
      const { permissions, repositories } = given() as unknown as { permissions: Record<string, string>; repositories: string[] };
      if (repositories.join() !== 'payments') return refused(422, 'There is at least one repository that does not exist');
      const token = `ghs_${randomUUID().replaceAll('-', '')}`;
      const until = hub.now() + 3_600_000;
      hub.tokens.set(token, { permissions, until });
      return { status: 201, json: { token, expires_at: new Date(until).toISOString(), permissions, repository_selection: 'selected' } };
    }
    const [, run] = /^POST \/actions\/runs\/(\d+)\/deployment_protection_rule$/.exec(route) ?? [];
    if (run !== undefined) {
      if (!may(asked, 'deployments')) return bad;
      const review = { run: Number(run), ...given() } as unknown as Review;
      const { environment_name, state, comment } = review;
      const key = `${run} ${environment_name}`;
      const reports = hub.reviews.filter((one) => one.run === review.run && one.state === undefined);
      if (!waiting.has(key)) return refused(422, 'No pending deployment requests to approve or reject');
      if ((comment ?? '').length > 1_024 || (state === undefined && (reports.length >= 10 || comment === undefined)))
        return refused(422, 'Validation Failed');
      hub.reviews.push(review);
      if (state !== undefined) waiting.delete(key);
      return { status: 204 };
    }
    if (/^GET \/commits\/[0-9a-f]{40}\/pulls$/.test(route)) return ok([]);
    const [, list] = /^GET \/deployments(|\/\d+\/statuses)$/.exec(route) ?? [];
    if (list !== undefined) return may(asked, 'deployments') ? deployments(asked, list) : bad;
    return checks(asked, route) ?? refused(404, 'Not Found');
  };
  const deployments = ({ url }: Asked, list: string): Answer => {
    const created_at = '2026-01-02T10:00:00Z';
    const [, id] = list.split('/');
    if (id === undefined) {
      const there = hub.deployments.filter(({ environment }) => environment === url.searchParams.get('environment'));
      return ok(there.map((one) => ({ id: one.id, sha: one.sha, ref: 'main', environment: one.environment, created_at })));
    }
    const state = hub.deployments.find((one) => one.id === Number(id))?.state ?? null;
    return ok(state === null ? [] : [{ state, created_at }]);
  };
  /** Check runs, which only an App may make, and none another's. */
  const checks = (asked: Asked, route: string): Answer | null => {
    const [, verb, path = ''] = /^(GET|POST|PATCH) (\/commits\/[0-9a-f]{40}\/check-runs|\/check-runs(?:\/\d+)?)$/.exec(route) ?? [];
    if (verb === undefined) return null;
    if (!may(asked, 'checks')) return bad;
    if (verb === 'GET') {
      const found = hub.checks.filter(({ head_sha, name }) => path.includes(head_sha) && name === asked.url.searchParams.get('check_name'));
      return ok({ total_count: found.length, check_runs: found });
    }
    const given = JSON.parse(asked.body) as Check & { readonly output?: { readonly title: string; readonly summary: string } };
    const { status, conclusion = null, output } = given;
    const isWhole =
      (output?.title ?? '') !== '' && (output?.summary.length ?? 0) <= 65_535 && (status === 'completed') === (conclusion !== null);
    if (!isWhole) return refused(422, 'Invalid request.');
    if (verb === 'POST') {
      const made = { ...given, id: 9_000 + hub.checks.length, conclusion, app: { id: 77, client_id: app, slug: 'haldane' } };
      hub.checks.push(made);
      return { status: 201, json: made };
    }
    const own = hub.checks.find(({ id }) => path.endsWith(`/${id}`));
    if (own === undefined) return null;
    if (own.app.client_id !== app)
      return refused(403, 'Invalid app_id `7` - check run can only be modified by the GitHub App that created it.');
    return ok(Object.assign(own, given, { conclusion }));
  };
  const server = await jsonServer(answer);
  const hub: FakeGitHubApp = Object.assign(server, {
    // GitHub gives keys in this older form.
    privateKey: keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    webhookSecret: 'the secret of the webhook',
    now: () => Date.now(),
    reviews: [] as Review[],
    checks: [],
    deployments: [],
    tokens: new Map(),
    holds({ run, deployment, environment, sha }: Parameters<FakeGitHubApp['holds']>[0]) {
      waiting.add(`${run} ${environment}`);
      return payloadOf(server.address, run, deployment, environment, sha);
    },
    async send(hook: string, event: string, payload: object | string, secret = hub.webhookSecret) {
      const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
      const sent = await fetch(hook, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'GitHub-Hookshot/044aadd',
          'x-github-delivery': randomUUID(),
          'x-github-event': event,
          'x-github-hook-installation-target-type': 'integration',
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        },
      });
      const said = (await sent.json()) as { says?: string; detail?: string };
      return { status: sent.status, says: said.says ?? said.detail ?? '' };
    },
  });
  return hub;
}

const bad = refused(401, 'Bad credentials');

function ok(json: unknown): Answer {
  return { status: 200, json };
}

function refused(status: number, message: string): Answer {
  return { status, json: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) } };
}

/** As far as its fields are told apart anywhere: the rest of GitHub's payload is people, addresses and pull requests whole. */
function payloadOf(address: string, run: number, id: number, environment: string, sha: string): object {
  const url = `${address}/repos/${repository}`;
  return {
    action: 'requested',
    environment,
    event: 'push',
    deployment_callback_url: `${url}/actions/runs/${run}/deployment_protection_rule`,
    deployment: {
      url: `${url}/deployments/${id}`,
      id,
      node_id: `DE_${id}`,
      sha,
      ref: 'main',
      task: 'deploy',
      payload: {},
      original_environment: environment,
      environment,
      description: null,
      creator: { login: 'octocat', id: 583_231, type: 'User', site_admin: false },
      created_at: '2026-01-02T10:00:00Z',
      updated_at: '2026-01-02T10:00:00Z',
      statuses_url: `${url}/deployments/${id}/statuses`,
      repository_url: url,
    },
    pull_requests: [],
    repository: { id: 186_853_002, node_id: 'R_1', name: 'payments', full_name: repository, private: true, url },
    organization: { login: 'acme', id: 38_302_899 },
    sender: { login: 'octocat', id: 583_231, type: 'User' },
    installation: { id: 4242, node_id: 'MDIz' },
  };
}
