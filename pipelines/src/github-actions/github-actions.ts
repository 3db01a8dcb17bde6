import { HaldaneError } from '@haldane/core';
import type { Described, LiveReader, LiveSource, Outside } from '../live-source.ts';
import { deploymentsTo, mostDeployments } from './deployments.ts';
import { commitSchema, environmentsSchema, type GitHubCommit, type GitHubEnvironments } from './github-answers.ts';
import { GitHubApi } from './github-api.ts';
import { type GitHubSettings, gitHubSettingsSchema } from './github-settings.ts';
import { runsUnderWay } from './workflow-runs.ts';

/** GitHub's deployments to an environment, and the runs of the workflow that makes them. */
export const githubActions: LiveSource = { id: 'github-actions', settings: gitHubSettingsSchema, open };

function open(settings: GitHubSettings, about: Described, { env, clock, egress, answerWithinMs }: Outside): LiveReader {
  const { repository, workflow, harmless } = settings;
  const environment = settings.environment ?? about.environment;
  const api = new GitHubApi({ api: settings.api, token: env[settings.tokenEnv] ?? '', clock, egress, answerWithinMs });
  return async (signal) => {
    const [{ live, under }, running] = await Promise.all([
      deploymentsTo(environment, repository, api, signal),
      workflow === undefined ? [] : runsUnderWay({ workflow, harmless }, repository, api, signal),
    ]);
    if (live === null) throw await nothingLive(environment, repository, api, signal);
    const { deployment, since } = live;
    const { commit } = await api.get<GitHubCommit>(
      `/repos/${repository}/commits/${encodeURIComponent(deployment.sha)}`,
      commitSchema,
      signal,
    );
    const [subject = ''] = commit.message.split('\n');
    return {
      cluster: null,
      release: {
        revision: deployment.sha,
        artifact: null,
        since,
        said: [
          { what: 'deployment', said: `${deployment.id} of ${deployment.ref} to ${environment} (${repository})` },
          { what: 'commit', said: [subject, ...(commit.committer?.date === undefined ? [] : [commit.committer.date])].join(', ') },
        ],
        deploying: [...under, ...running],
      },
    };
  };
}

/** Whether the environment is misnamed, or nothing was ever deployed to it. */
async function nothingLive(environment: string, repository: string, api: GitHubApi, signal: AbortSignal): Promise<HaldaneError> {
  const { environments } = await api.get<GitHubEnvironments>(`/repos/${repository}/environments?per_page=100`, environmentsSchema, signal);
  const known = environments.map(({ name }) => name);
  return new HaldaneError(
    'not-found',
    known.some((name) => name.toLowerCase() === environment.toLowerCase())
      ? `no deployment of ${repository} to ${environment} has succeeded yet, or none of the newest ${mostDeployments}`
      : `${repository} has no environment ${environment}; known: ${known.join(', ') || 'none'}`,
  );
}
