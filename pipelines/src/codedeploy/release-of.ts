import type { Release } from '@haldane/core';
import type { DeploymentGroup, GroupDeployment, Revision } from './codedeploy-calls.ts';
import type { CodeDeploySettings } from './codedeploy-settings.ts';
import { commitIn } from './commit-in.ts';

/** What the newest deployment that succeeded says of itself. The commit is its revision where it says one. */
export function releaseOf(
  live: GroupDeployment,
  { application, deploymentGroup, commit: rule }: CodeDeploySettings,
  { isBlueGreen, autoScalingGroups }: DeploymentGroup,
  deploying: readonly string[],
): Release {
  const commit = commitOf(live, rule);
  return {
    revision: commit ?? nameOf(live),
    artifact: commit === null || live.revision.from === 'GitHub' ? null : nameOf(live),
    // What was installed on an instance that came later was live before.
    since: live.creator === 'autoscaling' ? null : live.completedAt,
    said: [
      {
        what: 'deployment',
        said: [`${live.id} of ${application} to ${deploymentGroup}`, isBlueGreen ? 'blue/green' : 'in place'].join(', '),
      },
      ...(live.revision.from === 'GitHub' ? [{ what: 'repository', said: live.revision.repository }] : []),
      ...(rule !== undefined && commit === null
        ? [{ what: 'commit', said: `not known: the ${rule.in} of ${live.id} is not like ${rule.like} (pipeline.codedeploy.commit.like)` }]
        : []),
      { what: 'Auto Scaling groups', said: autoScalingGroups.join(', ') || 'none; its instances are found by tags' },
    ],
    deploying,
  };
}

/** A revision in a few words, the same for the same bytes. */
export function nameOf({ id, revision }: Pick<GroupDeployment, 'id' | 'revision'>): string {
  if (revision.from === 'GitHub') return revision.commit;
  const [text, mark] = revision.from === 'S3' ? [`s3://${revision.bucket}/${revision.key}`, markOf(revision)] : otherWords(revision);
  // The same key may hold other bytes tomorrow: without a mark of them only the deployment tells them apart.
  return mark === null ? `${text} by ${id}` : `${text} ${mark}`;
}

function markOf({ version, etag }: Extract<Revision, { from: 'S3' }>): string | null {
  return version === null ? (etag === null ? null : `etag ${etag}`) : `version ${version}`;
}

function otherWords({ type, digest }: Extract<Revision, { from: 'other' }>): readonly [string, string | null] {
  return [type, digest === null ? null : `sha256 ${digest}`];
}

function commitOf({ revision, description }: GroupDeployment, rule: CodeDeploySettings['commit']): string | null {
  if (revision.from === 'GitHub') return revision.commit;
  const text = rule?.in === 'description' ? description : revision.from === 'S3' ? revision.key : null;
  return rule === undefined || text === null ? null : commitIn(text, rule.like);
}
