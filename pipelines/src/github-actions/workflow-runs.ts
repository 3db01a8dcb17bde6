import { HaldaneError } from '@haldane/core';
import { type GitHubJobs, type GitHubRuns, jobsSchema, runsSchema } from './github-answers.ts';
import type { GitHubApi, Page } from './github-api.ts';

type GitHubRun = GitHubRuns['workflow_runs'][number];

/** What GitHub calls runs that are not over. A state that is not among them is seen on the first page, where all are looked at. */
const open = ['in_progress', 'queued', 'requested', 'waiting', 'pending'];
/** Of one state GitHub shows a thousand runs at most. */
const mostPages = 10;

/** The runs of a workflow that are not over and have a job that may deploy, each in words. Throws `unavailable` when there are too many to tell. */
export async function runsUnderWay(
  { workflow, harmless }: { readonly workflow: string; readonly harmless: readonly string[] },
  repository: string,
  api: GitHubApi,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/repos/${repository}/actions`;
  const runs = `${path}/workflows/${encodeURIComponent(workflow)}/runs?per_page=100`;
  const newest = await api.page<GitHubRuns>(runs, runsSchema, signal);
  const found = newest.items.workflow_runs.filter((run) => run.status !== 'completed');
  // An older one may have waited for somebody for weeks.
  const older = newest.next === null ? [] : await Promise.all(open.map((status) => allRuns(`${runs}&status=${status}`, api, signal)));
  const under: string[] = [];
  for (const { id, run_number, status } of new Map([...found, ...older.flat()].map((run) => [run.id, run])).values()) {
    const jobs = await openJobs(`${path}/runs/${id}/jobs?filter=latest&per_page=100`, api, signal);
    // Between two jobs none is open, and the next one may deploy.
    const deploying = jobs.length === 0 ? ['its next job'] : jobs.filter((name) => !isNamed(name, harmless));
    if (deploying.length > 0) under.push(`run ${run_number} of ${workflow} is ${status ?? 'begun'}: ${deploying.join(', ')}`);
  }
  return under;
}

async function allRuns(first: string, api: GitHubApi, signal: AbortSignal): Promise<readonly GitHubRun[]> {
  const runs: GitHubRun[] = [];
  let next: string | null = first;
  for (let pages = 0; next !== null && pages < mostPages; pages += 1) {
    const page: Page<GitHubRuns> = await api.page(next, runsSchema, signal);
    runs.push(...page.items.workflow_runs);
    next = page.next;
  }
  if (next === null) return runs;
  throw new HaldaneError(
    'unavailable',
    `GitHub has more than ${runs.length} runs that are not over (${first}): whether one of them deploys cannot be told; cancel those that nobody waits for`,
  );
}

/** The names of a run's jobs that are not over, over as many pages as it takes: a large matrix has more jobs than one holds. */
async function openJobs(first: string, api: GitHubApi, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  for (let next: string | null = first; next !== null; ) {
    const page: Page<GitHubJobs> = await api.page(next, jobsSchema, signal);
    names.push(...page.items.jobs.filter((job) => job.status !== 'completed').map(({ name }) => name));
    next = page.next;
  }
  return names;
}

/** A job by its name, also one of a matrix: `deploy (eu)`. */
function isNamed(name: string, names: readonly string[]): boolean {
  return names.some((one) => name === one || name.startsWith(`${one} (`));
}
