import { deploymentStatusesSchema, deploymentsSchema, type GitHubDeployment, type GitHubDeploymentStatus } from '../github-answers.ts';
import type { DeployAsked } from './deploy-asked.ts';
import type { ToGitHub } from './send-to-github.ts';

/** One question to GitHub's REST API, by its path. */
type Get = <T>(path: string, schema: NonNullable<ToGitHub['schema']>) => Promise<T>;

/** Deployments among which one that succeeded is looked for. */
const most = 30;

/** The commit of the newest deployment to the environment that succeeded, and so what is live there; null when none of the newest 30 did. */
export async function liveCommit(
  { repository, environment }: Pick<DeployAsked, 'repository' | 'environment'>,
  get: Get,
): Promise<string | null> {
  const path = `/repos/${repository}/deployments`;
  const newest = await get<readonly GitHubDeployment[]>(
    `${path}?environment=${encodeURIComponent(environment)}&per_page=${most}`,
    deploymentsSchema,
  );
  for (const { id, sha } of newest) {
    const [status] = await get<readonly GitHubDeploymentStatus[]>(`${path}/${id}/statuses?per_page=1`, deploymentStatusesSchema);
    if (status?.state === 'success') return sha;
  }
  return null;
}
