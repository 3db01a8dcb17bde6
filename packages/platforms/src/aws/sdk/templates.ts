import {
  CreateLaunchTemplateCommand,
  type CreateLaunchTemplateCommandInput,
  CreateTagsCommand,
  DeleteLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  type EC2Client,
  type Filter,
  type RequestLaunchTemplateData,
  type ResponseLaunchTemplateData,
} from '@aws-sdk/client-ec2';
import { hasCode, type JsonObject } from '@haldane/core';
import type { Tags, Template, Templates } from '../aws-calls.ts';
import { pages } from './pages.ts';
import { asking } from './translate-error.ts';

/** AWS: a filter takes at most so many values. Asked for by id instead, one that is unknown by now would take the answer for all others with it. */
const mostValues = 200;

export function sdkTemplates(client: EC2Client): Templates {
  const described = async (Filters: Filter[], signal: AbortSignal): Promise<readonly Template[]> => {
    const found = await pages(async (NextToken) => {
      const command = new DescribeLaunchTemplatesCommand({ Filters, ...(NextToken === undefined ? {} : { NextToken }) });
      const page = await asking('ec2', 'DescribeLaunchTemplates', signal, client.send(command, { abortSignal: signal }));
      return { items: page.LaunchTemplates, next: page.NextToken };
    });
    return found.map(({ LaunchTemplateId: id = '', LaunchTemplateName: name = '', Tags = [] }) => ({
      id,
      name,
      tags: Object.fromEntries(Tags.map((tag) => [tag.Key ?? '', tag.Value ?? ''])),
    }));
  };
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
    async data(templateId, version, signal) {
      try {
        const found = await asking(
          'ec2',
          'DescribeLaunchTemplateVersions',
          signal,
          client.send(new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId: templateId, Versions: [version] }), {
            abortSignal: signal,
          }),
        );
        const data = found.LaunchTemplateVersions?.[0]?.LaunchTemplateData;
        return data === undefined ? null : dataOf(data);
      } catch (error) {
        if (hasCode(error, 'gone')) return null;
        throw error;
      }
    },
    async template(name, signal) {
      return (await described([{ Name: 'launch-template-name', Values: [name] }], signal))[0] ?? null;
    },
    tagged: (key, signal) => described([{ Name: 'tag-key', Values: [key] }], signal),
    async addTemplate(name, data, tags, signal) {
      const input: CreateLaunchTemplateCommandInput = {
        LaunchTemplateName: name,
        LaunchTemplateData: withDates(data),
        TagSpecifications: [{ ResourceType: 'launch-template', Tags: listOf(tags) }],
      };
      await asking('ec2', 'CreateLaunchTemplate', signal, client.send(new CreateLaunchTemplateCommand(input), { abortSignal: signal }));
    },
    async removeTemplate(id, signal) {
      try {
        const command = new DeleteLaunchTemplateCommand({ LaunchTemplateId: id });
        await asking('ec2', 'DeleteLaunchTemplate', signal, client.send(command, { abortSignal: signal }));
      } catch (error) {
        if (!hasCode(error, 'gone')) throw error;
      }
    },
    async setTags(id, tags, signal) {
      const command = new CreateTagsCommand({ Resources: [id], Tags: listOf(tags) });
      await asking('ec2', 'CreateTags', signal, client.send(command, { abortSignal: signal }));
    },
    async addresses(instanceIds, signal) {
      const addresses = new Map<string, string>();
      for (let first = 0; first < instanceIds.length; first += mostValues) {
        const Filters = [
          { Name: 'instance-id', Values: instanceIds.slice(first, first + mostValues) },
          { Name: 'instance-state-name', Values: ['pending', 'running'] },
        ];
        const reservations = await pages(async (NextToken) => {
          const command = new DescribeInstancesCommand({ Filters, ...(NextToken === undefined ? {} : { NextToken }) });
          const page = await asking('ec2', 'DescribeInstances', signal, client.send(command, { abortSignal: signal }));
          return { items: page.Reservations, next: page.NextToken };
        });
        for (const { InstanceId, PrivateIpAddress } of reservations.flatMap((one) => one.Instances ?? []))
          if (InstanceId && PrivateIpAddress) addresses.set(InstanceId, PrivateIpAddress);
      }
      return addresses;
    },
  };
}

/** What a version says of itself, without what only AWS says and nobody can ask for. */
function dataOf({
  MetadataOptions: metadata,
  Operator: _managed,
  TagSpecifications: tags,
  ...data
}: ResponseLaunchTemplateData): JsonObject {
  const { State: _state, ...options } = metadata ?? {};
  // The template's own tags are no part of what it launches; moto tells them here all the same.
  const launched = (tags ?? []).filter((one) => one.ResourceType !== 'launch-template');
  const asked = {
    ...data,
    ...(metadata === undefined ? {} : { MetadataOptions: options }),
    ...(launched.length === 0 ? {} : { TagSpecifications: launched }),
  };
  return JSON.parse(JSON.stringify(asked)) as JsonObject;
}

/** The one point in time in them is a Date to the SDK, and text to everybody else. */
function withDates(data: JsonObject): RequestLaunchTemplateData {
  const asked = structuredClone(data) as RequestLaunchTemplateData;
  const spot = asked.InstanceMarketOptions?.SpotOptions;
  if (spot?.ValidUntil !== undefined) spot.ValidUntil = new Date(spot.ValidUntil);
  return asked;
}

export function listOf(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
