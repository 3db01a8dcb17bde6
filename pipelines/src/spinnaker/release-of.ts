import type { Release } from '@haldane/core';
import type { ServerGroup } from './gate-answers.ts';

/** What a server group says of itself, and what is being done to its cluster. The commit is its revision where its image says one. */
export function releaseOf(group: ServerGroup, deploying: readonly string[]): Release {
  const image = imageOf(group);
  const targets = group.targetGroups ?? [];
  const build = buildWords(group);
  return {
    revision: group.buildInfo?.commit ?? image ?? group.name,
    artifact: image,
    since: group.createdTime ?? null,
    said: [
      { what: 'server group', said: [`${group.name} in ${group.region}`, ...madeFrom(group), ...sizeWords(group)].join(', ') },
      ...(targets.length === 0 ? [] : [{ what: 'target groups', said: targets.join(', ') }]),
      ...(build.length === 0 ? [] : [{ what: 'build', said: build.join(', ') }]),
    ],
    deploying,
  };
}

function imageOf({ image, launchTemplate, launchConfig, buildInfo }: ServerGroup): string | null {
  const names = [image?.name, image?.imageId, launchTemplate?.launchTemplateData?.imageId, launchConfig?.imageId, buildInfo?.images?.[0]];
  return names.find((name) => typeof name === 'string') ?? null;
}

function madeFrom({ launchTemplate, launchConfig }: ServerGroup): readonly string[] {
  if (launchTemplate != null) {
    const name = launchTemplate.launchTemplateName ?? launchTemplate.launchTemplateId ?? 'without a name';
    return [`launch template ${[name, launchTemplate.versionNumber].filter((part) => part != null).join(':')}`];
  }
  return launchConfig == null ? [] : [`launch configuration ${launchConfig.launchConfigurationName ?? 'without a name'}`];
}

function sizeWords({ capacity, instanceCounts }: ServerGroup): readonly string[] {
  return [
    ...(capacity == null ? [] : [`capacity ${capacity.min ?? '?'} to ${capacity.max ?? '?'}, desired ${capacity.desired ?? '?'}`]),
    ...(instanceCounts?.up == null ? [] : [`${instanceCounts.up} of ${instanceCounts.total ?? '?'} instances up`]),
  ];
}

function buildWords({ buildInfo }: ServerGroup): readonly string[] {
  const jenkins = buildInfo?.jenkins;
  return [
    ...(buildInfo?.package_name == null ? [] : [`${buildInfo.package_name} ${buildInfo.version ?? ''}`.trim()]),
    ...(jenkins?.name == null ? [] : [`${jenkins.name} ${jenkins.number ?? ''}`.trim()]),
  ];
}
