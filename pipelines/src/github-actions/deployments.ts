import { deploymentStatusesSchema, deploymentsSchema, type GitHubDeployment, type GitHubDeploymentStatus } from './github-answers.ts';
import type { GitHubApi, Page } from './github-api.ts';

/** A deployment that began longer before the one that is live is not looked at any more: a job of GitHub's ends within a day. */
const dayMs = 86_400_000;
const perPage = 30;
/** Pages in which a deployment that succeeded is looked for. */
const mostPages = 10;
/** Deployments among which one that succeeded is looked for. */
export const mostDeployments = perPage * mostPages;

/** States of a deployment that say that it is over. A state that is not known is taken for one that is not. */
const over = new Set(['success', 'failure', 'error', 'inactive']);

export type Deployments = {
  /** The newest that succeeded, with the epoch ms when it did. */
  readonly live: { readonly deployment: GitHubDeployment; readonly since: number } | null;
  /** Those that are not over, each in words. */
  readonly under: readonly string[];
};

/** Looks at a repository's deployments to an environment from the newest back to the one that is live, and on for a day: an older one that is slow may still be at work. */
export async function deploymentsTo(environment: string, repository: string, api: GitHubApi, signal: AbortSignal): Promise<Deployments> {
  const under: string[] = [];
  let live: Deployments['live'] = null;
  for await (const deployment of newestFirst(environment, repository, api, signal)) {
    if (live !== null && Date.parse(deployment.created_at) < live.since - dayMs) break;
    const statuses = `/repos/${repository}/deployments/${deployment.id}/statuses?per_page=1`;
    const [status] = await api.get<readonly GitHubDeploymentStatus[]>(statuses, deploymentStatusesSchema, signal);
    if (status?.state === 'success') live ??= { deployment, since: Date.parse(status.created_at) };
    else if (status === undefined || !over.has(status.state))
      under.push(`deployment ${deployment.id} of ${deployment.sha.slice(0, 12)} to ${environment} is ${status?.state ?? 'created'}`);
  }
  return { live, under };
}

async function* newestFirst(
  environment: string,
  repository: string,
  api: GitHubApi,
  signal: AbortSignal,
): AsyncGenerator<GitHubDeployment> {
  let next: string | null = `/repos/${repository}/deployments?environment=${encodeURIComponent(environment)}&per_page=${perPage}`;
  for (let pages = 0; next !== null && pages < mostPages; pages += 1) {
    const page: Page<readonly GitHubDeployment[]> = await api.page(next, deploymentsSchema, signal);
    yield* page.items;
    next = page.next;
  }
}
