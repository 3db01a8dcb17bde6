import { HaldaneError, type JsonObject } from '@haldane/core';
import { checkValue } from '@haldane/documents';

/** A deploy that waits at a protection rule, as GitHub asked. */
export type DeployAsked = {
  readonly repository: string;
  readonly environment: string;
  /** The commit, in full. */
  readonly revision: string;
  readonly deployment: number;
  /** The workflow's run that waits: where the answer goes. */
  readonly run: number;
};

type Payload = {
  readonly environment: string;
  readonly deployment_callback_url: string;
  readonly deployment: { readonly id: number; readonly sha: string };
  readonly repository: { readonly full_name: string };
};

const payloadSchema: JsonObject = {
  type: 'object',
  required: ['environment', 'deployment_callback_url', 'deployment', 'repository'],
  properties: {
    environment: { type: 'string', minLength: 1, maxLength: 255 },
    deployment_callback_url: { type: 'string', maxLength: 2000 },
    deployment: {
      type: 'object',
      required: ['id', 'sha'],
      properties: { id: { type: 'integer', minimum: 1 }, sha: { type: 'string', pattern: '^[0-9a-f]{40}([0-9a-f]{24})?$' } },
    },
    repository: {
      type: 'object',
      required: ['full_name'],
      properties: { full_name: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$' } },
    },
  },
};

/**
 * Reads the payload of `deployment_protection_rule`. Throws `bad-request` naming the field, and `refused` when the answer is wanted anywhere but
 * at the declared API: what is signed may still be of an App that others have installed.
 */
export function deployAsked(payload: unknown, api: string): DeployAsked {
  const { value, problems } = checkValue(payloadSchema, payload);
  const [first] = problems;
  if (first !== undefined)
    throw new HaldaneError('bad-request', `this is no deployment_protection_rule of GitHub, at "${first.path}": ${first.message}`);
  const { environment, deployment, repository, deployment_callback_url } = value as Payload;
  const run = runOf(deployment_callback_url, `${api.replace(/\/+$/, '')}/repos/${repository.full_name}/actions/runs/`);
  if (run === null)
    throw new HaldaneError('refused', `the answer is wanted at another place than ${api} has for runs of ${repository.full_name}`);
  return { repository: repository.full_name, environment, revision: deployment.sha, deployment: deployment.id, run };
}

/** The run in `<base>RUN/deployment_protection_rule`; null for any other address. */
function runOf(text: string, base: string): number | null {
  if (!URL.canParse(text)) return null;
  const { origin, pathname, search, hash, username, password } = new URL(text);
  const wanted = new URL(base);
  const [run = '', tail, more] = pathname.slice(wanted.pathname.length).split('/');
  const fits =
    origin === wanted.origin &&
    pathname.toLowerCase().startsWith(wanted.pathname.toLowerCase()) &&
    tail === 'deployment_protection_rule' &&
    more === undefined &&
    `${search}${hash}${username}${password}` === '';
  return fits && /^[1-9]\d{0,14}$/.test(run) ? Number(run) : null;
}
