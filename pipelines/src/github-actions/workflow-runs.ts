import { type GitHubJobs, type GitHubRuns, jobsSchema, runsSchema } from './github-answers.ts';
import type { GitHubApi, Page } from './github-api.ts';

/** The runs of a workflow, of its newest hundred, that are not over and have a job that may deploy, each in words. */
export async function runsUnderWay(
  { workflow, harmless }: { readonly workflow: string; readonly harmless: readonly string[] },
  repository: string,
  api: GitHubApi,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/repos/${repository}/actions`;
  const runs = `${path}/workflows/${encodeURIComponent(workflow)}/runs?per_page=100`;
  const { workflow_runs } = await api.get<GitHubRuns>(runs, runsSchema, signal);
  const under: string[] = [];
  for (const { id, run_number, status } of workflow_runs.filter((run) => run.status !== 'completed')) {
    const open = await openJobs(`${path}/runs/${id}/jobs?filter=latest&per_page=100`, api, signal);
    // Between two jobs none is open, and the next one may deploy.
    const deploying = open.length === 0 ? ['its next job'] : open.filter((name) => !isNamed(name, harmless));
    if (deploying.length > 0) under.push(`run ${run_number} of ${workflow} is ${status ?? 'begun'}: ${deploying.join(', ')}`);
  }
  return under;
}

/** The names of a run's jobs that are not over, over as many pages as it takes: a large matrix has more jobs than one holds. */
async function openJobs(first: string, api: GitHubApi, signal: AbortSignal): Promise<readonly string[]> {
  const open: string[] = [];
  for (let next: string | null = first; next !== null; ) {
    const page: Page<GitHubJobs> = await api.page(next, jobsSchema, signal);
    open.push(...page.items.jobs.filter((job) => job.status !== 'completed').map(({ name }) => name));
    next = page.next;
  }
  return open;
}

/** A job by its name, also one of a matrix: `deploy (eu)`. */
function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => name === one || name.startsWith(`${one} (`));
}
