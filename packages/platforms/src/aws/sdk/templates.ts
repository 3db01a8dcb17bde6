import { DescribeInstancesCommand, DescribeLaunchTemplateVersionsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { hasCode } from '@haldane/core';
import type { Templates } from '../aws-calls.ts';
import { asking } from './translate-error.ts';

export function sdkTemplates(client: EC2Client): Templates {
  return {
    async version(templateId, version, signal) {
      const input = { LaunchTemplateId: templateId, Versions: [version] };
      try {
        const found = await asking(
          'ec2',
          'DescribeLaunchTemplateVersions',
          signal,
          client.send(new DescribeLaunchTemplateVersionsCommand(input), { abortSignal: signal }),
        );
        const number = found.LaunchTemplateVersions?.[0]?.VersionNumber;
        return number === undefined ? null : `${number}`;
      } catch (error) {
        if (hasCode(error, 'gone')) return null;
        throw error;
      }
    },
    async addresses(instanceIds, signal) {
      const found = await asking(
        'ec2',
        'DescribeInstances',
        signal,
        client.send(new DescribeInstancesCommand({ InstanceIds: [...instanceIds] }), { abortSignal: signal }),
      );
      const instances = (found.Reservations ?? []).flatMap((one) => one.Instances ?? []);
      return new Map(instances.map((one) => [one.InstanceId ?? '', one.PrivateIpAddress ?? '']));
    },
  };
}
