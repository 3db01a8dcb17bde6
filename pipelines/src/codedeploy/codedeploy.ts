import { HaldaneError } from '@haldane/core';
import type { Described, LiveReader, LiveSource, Outside } from '../live-source.ts';
import type { CodeDeployCalls, DeploymentGroup } from './codedeploy-calls.ts';
import { type CodeDeploySettings, codeDeploySettingsSchema } from './codedeploy-settings.ts';
import { Deployments } from './deployments.ts';
import { releaseOf } from './release-of.ts';
import { underWay } from './under-way.ts';

/** A group is read anew when a deployment ends meanwhile. */
const mostTries = 2;

/** AWS CodeDeploy: what was deployed last with success to a deployment group, and what is being deployed to it. */
export const codedeploy: LiveSource = { id: 'codedeploy', settings: codeDeploySettingsSchema, open };

function open(settings: CodeDeploySettings, about: Described, { env, answerWithinMs }: Outside): LiveReader {
  const region = settings.region ?? env['HALDANE_AWS_REGION'] ?? '';
  if (region === '')
    throw new HaldaneError(
      'bad-document',
      'pipeline.codedeploy.region is missing, and HALDANE_AWS_REGION is not set; write the region, like eu-west-1',
    );
  const endpoint = env['HALDANE_AWS_ENDPOINT'] ?? '';
  const connection = { region, answerWithinMs, ...(endpoint === '' ? {} : { endpoint }) };
  let made: Promise<CodeDeployCalls> | null = null;
  let deployments: Deployments | null = null;
  return async (signal) => {
    // The SDK is loaded only now: who deploys by something else does not wait for it.
    made ??= import('./sdk-calls.ts').then(({ sdkCalls }) => sdkCalls(settings, connection));
    const calls = await made;
    deployments ??= new Deployments(calls);
    for (let tries = 1; ; tries += 1) {
      const group = await calls.group(signal);
      if (group.lastSuccess === null)
        throw new HaldaneError('not-found', `no deployment of ${settings.application} to ${settings.deploymentGroup} has succeeded yet`);
      const { live, newer, open: under } = await deployments.since(group.lastSuccess, signal);
      const next = newer.find(({ status, creator }) => status === 'Succeeded' && creator !== 'autoscaling');
      if (next === undefined)
        return { cluster: clusterOf(group, about, settings), release: releaseOf(live, settings, group, underWay(under, newer)) };
      // It ended while it was read: what was read of the group is of before.
      if (tries >= mostTries)
        throw new HaldaneError(
          'unavailable',
          `CodeDeploy says that ${live.id} was the last to succeed on ${settings.deploymentGroup}, and that ${next.id}, which is newer, did too`,
        );
    }
  };
}

/** The Auto Scaling group that takes traffic: after a blue/green deployment it is another one. Null: instances are found by tags. Throws `not-found` where it is one of several. */
function clusterOf({ autoScalingGroups }: DeploymentGroup, { cluster }: Described, { deploymentGroup }: CodeDeploySettings): string | null {
  if (cluster !== null && autoScalingGroups.includes(cluster)) return cluster;
  const [first = null, ...others] = autoScalingGroups;
  if (others.length === 0) return first;
  throw new HaldaneError(
    'not-found',
    `deployment group ${deploymentGroup} deploys to ${autoScalingGroups.join(', ')}: name one of them as deployed.cluster`,
  );
}
