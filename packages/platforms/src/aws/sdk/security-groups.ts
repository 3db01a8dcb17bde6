import { isDeepStrictEqual } from 'node:util';
import {
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  CreateTagsCommand,
  DeleteSecurityGroupCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type Filter,
  type IpPermission,
  RevokeSecurityGroupIngressCommand,
  type SecurityGroup,
} from '@aws-sdk/client-ec2';
import { HaldaneError, hasCode, type JsonObject, type OpenPort } from '@haldane/core';
import type { Original, Twin, Twins } from '../aws-calls.ts';
import { tagNames, withoutTags } from '../our-tags.ts';
import { pages } from './pages.ts';
import { listOf } from './templates.ts';
import { asking } from './translate-error.ts';

/** One network that may reach one range of ports: what AWS tells in lists of lists. */
type Rule = { readonly protocol: string; readonly from: number; readonly to: number; readonly network: string; readonly about: string };

/** Security groups. A twin has the rules of its original that name a network; it is carried by no interface, so nothing can be reached through it. */
export function securityGroups(client: EC2Client): Twins<OpenPort> {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('ec2', call, signal, made);
  const described = async (Filters: Filter[], signal: AbortSignal): Promise<readonly SecurityGroup[]> =>
    pages(async (NextToken) => {
      const command = new DescribeSecurityGroupsCommand({ Filters, ...(NextToken === undefined ? {} : { NextToken }) });
      const page = await ask('DescribeSecurityGroups', signal, client.send(command, { abortSignal: signal }));
      return { items: page.SecurityGroups, next: page.NextToken };
    });
  const rulesNow = async ({ id }: Twin, signal: AbortSignal): Promise<readonly Rule[]> =>
    (await described([{ Name: 'group-id', Values: [id] }], signal)).flatMap(rulesOf);
  const allow = async (GroupId: string, rules: readonly Rule[], signal: AbortSignal): Promise<void> => {
    try {
      const command = new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: rules.map(permissionOf) });
      await ask('AuthorizeSecurityGroupIngress', signal, client.send(command, { abortSignal: signal }));
    } catch (error) {
      // It stands there already: whoever calls looks for itself.
      if (!hasCode(error, 'conflict')) throw error;
    }
  };
  const isOn = async (twin: Twin, fault: OpenPort, signal: AbortSignal): Promise<boolean> =>
    (await rulesNow(twin, signal)).some((rule) => isSame(rule, ruleOf(fault)));
  const missing = async (twin: Twin, { settings }: Original, signal: AbortSignal): Promise<readonly Rule[]> => {
    const now = await rulesNow(twin, signal);
    return (settings['rules'] as unknown as readonly Rule[]).filter((rule) => !now.some((one) => isSame(one, rule)));
  };

  return {
    word: 'security group',
    async find(name, signal) {
      const found = (await described([{ Name: 'group-name', Values: [name] }], signal)).map(twinOf);
      // In each network there may be one of that name.
      return found.find(({ tags }) => tags[tagNames.run] !== undefined) ?? found[0] ?? null;
    },
    async original(like, signal) {
      const found = await described([{ Name: /^sg-[0-9a-f]+$/.test(like) ? 'group-id' : 'group-name', Values: [like] }], signal);
      const [group, another] = found;
      if (another !== undefined)
        throw new HaldaneError(
          'refused',
          `there are ${found.length} security groups called ${like}: write the id of the one that is meant`,
        );
      return group === undefined ? null : originalOf(group);
    },
    tagged: async (key, signal) => (await described([{ Name: 'tag-key', Values: [key] }], signal)).map(twinOf),
    async add(GroupName, { settings, name }, tags, signal) {
      const command = new CreateSecurityGroupCommand({
        GroupName,
        Description: `Twin of ${name} for an experiment by Haldane`.slice(0, 255),
        VpcId: String(settings['network']),
        TagSpecifications: [{ ResourceType: 'security-group', Tags: listOf(tags) }],
      });
      await ask('CreateSecurityGroup', signal, client.send(command, { abortSignal: signal }));
    },
    async lacks(twin, original, signal) {
      const { length } = await missing(twin, original, signal);
      return length === 0 ? [] : [`it lacks ${length} of its rules`];
    },
    equip: async (twin, original, signal) => allow(twin.id, await missing(twin, original, signal), signal),
    async remove({ id: GroupId }, signal) {
      try {
        await ask('DeleteSecurityGroup', signal, client.send(new DeleteSecurityGroupCommand({ GroupId }), { abortSignal: signal }));
      } catch (error) {
        if (!hasCode(error, 'gone')) throw error;
      }
    },
    async setTags({ id }, tags, signal) {
      await ask('CreateTags', signal, client.send(new CreateTagsCommand({ Resources: [id], Tags: listOf(tags) }), { abortSignal: signal }));
    },
    async behind({ id }, signal) {
      const command = new DescribeNetworkInterfacesCommand({ Filters: [{ Name: 'group-id', Values: [id] }] });
      const { NetworkInterfaces = [] } = await ask('DescribeNetworkInterfaces', signal, client.send(command, { abortSignal: signal }));
      const [first] = NetworkInterfaces;
      return first === undefined ? null : `network interface ${first.NetworkInterfaceId ?? ''} carries it`;
    },
    hinders: () => Promise.resolve(null),
    before: async (twin, fault, signal) => ({ wasOn: await isOn(twin, fault, signal) }),
    put: (twin, fault, signal) => allow(twin.id, [ruleOf(fault)], signal),
    async take({ id: GroupId }, fault, { wasOn }, signal) {
      if (wasOn === true) return;
      try {
        const command = new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: [permissionOf({ ...ruleOf(fault), about: '' })] });
        await ask('RevokeSecurityGroupIngress', signal, client.send(command, { abortSignal: signal }));
      } catch (error) {
        if (!hasCode(error, 'gone')) throw error;
      }
    },
    isOn,
    isBack: async (twin, fault, { wasOn }, signal) => wasOn === true || !(await isOn(twin, fault, signal)),
    // A rule stands there or it does not: those of others are no field of ours.
    superseded: () => Promise.resolve(null),
  };
}

function ruleOf({ port, from }: OpenPort): Rule {
  return { protocol: 'tcp', from: port, to: port, network: from, about: 'an experiment by Haldane' };
}

/** AWS tells rules apart by all but their description. */
function isSame({ about: _one, ...rule }: Rule, { about: _other, ...other }: Rule): boolean {
  return isDeepStrictEqual(rule, other);
}

function rulesOf({ IpPermissions = [] }: SecurityGroup): readonly Rule[] {
  return IpPermissions.flatMap(({ IpProtocol: protocol = '-1', FromPort: from = -1, ToPort: to = -1, IpRanges = [], Ipv6Ranges = [] }) => [
    ...IpRanges.map(({ CidrIp = '', Description = '' }) => ({ protocol, from, to, network: CidrIp, about: Description })),
    ...Ipv6Ranges.map(({ CidrIpv6 = '', Description = '' }) => ({ protocol, from, to, network: CidrIpv6, about: Description })),
  ]);
}

function permissionOf({ protocol, from, to, network, about }: Rule): IpPermission {
  const described = about === '' ? {} : { Description: about };
  return {
    IpProtocol: protocol,
    ...(protocol === '-1' ? {} : { FromPort: from, ToPort: to }),
    ...(network.includes(':') ? { Ipv6Ranges: [{ CidrIpv6: network, ...described }] } : { IpRanges: [{ CidrIp: network, ...described }] }),
  };
}

function twinOf({ GroupId: id = '', GroupName: name = '', Tags = [] }: SecurityGroup): Twin {
  return { id, name, tags: Object.fromEntries(Tags.map((tag) => [tag.Key ?? '', tag.Value ?? ''])) };
}

function originalOf(group: SecurityGroup): Original {
  const twin = twinOf(group);
  const pointing = (group.IpPermissions ?? []).flatMap((one) => [...(one.UserIdGroupPairs ?? []), ...(one.PrefixListIds ?? [])]).length;
  const leaving = group.IpPermissionsEgress ?? [];
  const isOpen = leaving.length === 1 && leaving[0]?.IpProtocol === '-1' && leaving[0].IpRanges?.[0]?.CidrIp === '0.0.0.0/0';
  return {
    ...twin,
    settings: { network: group.VpcId ?? '', rules: rulesOf(group) as unknown as JsonObject[] },
    differs: [
      'its name',
      ...withoutTags(twin.tags),
      'no network interface carries it',
      ...(pointing === 0 ? [] : [`it is without the ${pointing} rules that point at other groups or prefix lists`]),
      ...(isOpen ? [] : ['what may leave is not limited']),
    ],
  };
}
