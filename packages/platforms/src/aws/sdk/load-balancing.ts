import {
  AddTagsCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
  type CreateTargetGroupCommandInput,
  DeleteRuleCommand,
  DeleteTargetGroupCommand,
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTagsCommand,
  DescribeTargetGroupAttributesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type ElasticLoadBalancingV2Client,
  ModifyListenerCommand,
  ModifyRuleCommand,
  ModifyTargetGroupAttributesCommand,
  type Action as SdkAction,
  type RuleCondition as SdkCondition,
  type Rule as SdkRule,
  type TargetGroup as SdkTargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { HaldaneError, hasCode } from '@haldane/core';
import type { LoadBalancing, Rule, Tags, TargetGroup } from '../aws-calls.ts';
import { pages } from './pages.ts';
import { asking } from './translate-error.ts';

/** AWS: so many ARNs in one DescribeTags. */
const tagsAtOnce = 20;

export function sdkLoadBalancing(client: ElasticLoadBalancingV2Client): LoadBalancing {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('elasticloadbalancing', call, signal, made);
  /** What a call says of things that are gone is nothing. */
  const orNothing = async <T>(made: Promise<T>): Promise<T | null> => {
    try {
      return await made;
    } catch (error) {
      if (hasCode(error, 'gone')) return null;
      throw error;
    }
  };
  return {
    async listener(loadBalancer, port, signal) {
      const abort = { abortSignal: signal };
      const found = await orNothing(
        ask('DescribeLoadBalancers', signal, client.send(new DescribeLoadBalancersCommand({ Names: [loadBalancer] }), abort)),
      );
      const balancer = found?.LoadBalancers?.[0];
      if (balancer?.LoadBalancerArn === undefined) return null;
      const LoadBalancerArn = balancer.LoadBalancerArn;
      const listeners = await pages(async (Marker) => {
        const page = await ask(
          'DescribeListeners',
          signal,
          client.send(new DescribeListenersCommand({ LoadBalancerArn, ...marker(Marker) }), abort),
        );
        return { items: page.Listeners, next: page.NextMarker };
      });
      const listener = listeners.find((one) => one.Port === port);
      if (listener?.ListenerArn === undefined) return null;
      const isEncrypted = listener.Protocol === 'HTTPS';
      return { arn: listener.ListenerArn, isEncrypted, address: `${isEncrypted ? 'https' : 'http'}://${balancer.DNSName ?? ''}:${port}` };
    },
    async rules(listenerArn, signal) {
      const rules = await pages(async (Marker) => {
        const page = await ask(
          'DescribeRules',
          signal,
          client.send(new DescribeRulesCommand({ ListenerArn: listenerArn, ...marker(Marker) }), { abortSignal: signal }),
        );
        return { items: page.Rules, next: page.NextMarker };
      });
      return rules.map(ruleOf);
    },
    async setActions(listenerArn, rule, actions, signal) {
      const Actions = plain<SdkAction[]>(actions);
      const abort = { abortSignal: signal };
      if (rule.isDefault)
        await ask(
          'ModifyListener',
          signal,
          client.send(new ModifyListenerCommand({ ListenerArn: listenerArn, DefaultActions: Actions }), abort),
        );
      else await ask('ModifyRule', signal, client.send(new ModifyRuleCommand({ RuleArn: rule.arn, Actions }), abort));
    },
    async addRule(listenerArn, { priority, conditions, actions, tags }, signal) {
      const input = {
        ListenerArn: listenerArn,
        Priority: priority,
        Conditions: plain<SdkCondition[]>(conditions),
        Actions: plain<SdkAction[]>(actions),
        Tags: listOf(tags),
      };
      await ask('CreateRule', signal, client.send(new CreateRuleCommand(input), { abortSignal: signal }));
    },
    async setConditions(ruleArn, conditions, signal) {
      const Conditions = plain<SdkCondition[]>(conditions);
      await ask('ModifyRule', signal, client.send(new ModifyRuleCommand({ RuleArn: ruleArn, Conditions }), { abortSignal: signal }));
    },
    async removeRule(arn, signal) {
      await orNothing(ask('DeleteRule', signal, client.send(new DeleteRuleCommand({ RuleArn: arn }), { abortSignal: signal })));
    },
    async targetGroup(name, signal) {
      const found = await orNothing(
        ask('DescribeTargetGroups', signal, client.send(new DescribeTargetGroupsCommand({ Names: [name] }), { abortSignal: signal })),
      );
      const group = found?.TargetGroups?.[0];
      return group === undefined ? null : targetGroupOf(group);
    },
    async targetGroups(which, signal) {
      if (which !== 'all' && which.length === 0) return [];
      const found = await orNothing(
        pages(async (Marker) => {
          const input = { ...(which === 'all' ? {} : { TargetGroupArns: [...which] }), ...marker(Marker) };
          const page = await ask(
            'DescribeTargetGroups',
            signal,
            client.send(new DescribeTargetGroupsCommand(input), { abortSignal: signal }),
          );
          return { items: page.TargetGroups, next: page.NextMarker };
        }),
      );
      return (found ?? []).map(targetGroupOf);
    },
    async attributes(arn, signal) {
      const found = await ask(
        'DescribeTargetGroupAttributes',
        signal,
        client.send(new DescribeTargetGroupAttributesCommand({ TargetGroupArn: arn }), { abortSignal: signal }),
      );
      return tagsOf(found.Attributes);
    },
    async addTargetGroup(name, settings, tags, signal) {
      const input: CreateTargetGroupCommandInput = {
        ...(settings as Partial<CreateTargetGroupCommandInput>),
        Name: name,
        Tags: listOf(tags),
      };
      const made = await ask('CreateTargetGroup', signal, client.send(new CreateTargetGroupCommand(input), { abortSignal: signal }));
      const group = made.TargetGroups?.[0];
      if (group === undefined)
        throw new HaldaneError('unavailable', `AWS elasticloadbalancing CreateTargetGroup: it named no group for ${name}`);
      return targetGroupOf(group);
    },
    async setAttributes(arn, attributes, signal) {
      const input = { TargetGroupArn: arn, Attributes: listOf(attributes) };
      await ask('ModifyTargetGroupAttributes', signal, client.send(new ModifyTargetGroupAttributesCommand(input), { abortSignal: signal }));
    },
    async removeTargetGroup(arn, signal) {
      await orNothing(
        ask('DeleteTargetGroup', signal, client.send(new DeleteTargetGroupCommand({ TargetGroupArn: arn }), { abortSignal: signal })),
      );
    },
    async health(arn, signal) {
      const found = await orNothing(
        ask('DescribeTargetHealth', signal, client.send(new DescribeTargetHealthCommand({ TargetGroupArn: arn }), { abortSignal: signal })),
      );
      return (found?.TargetHealthDescriptions ?? []).map((one) => ({
        id: one.Target?.Id ?? '',
        port: one.Target?.Port ?? 0,
        state: one.TargetHealth?.State ?? 'unknown',
      }));
    },
    async tags(arns, signal) {
      const found = new Map<string, Tags>();
      for (let from = 0; from < arns.length; from += tagsAtOnce) {
        const some = arns.slice(from, from + tagsAtOnce);
        const read = (ResourceArns: string[]) =>
          orNothing(ask('DescribeTags', signal, client.send(new DescribeTagsCommand({ ResourceArns }), { abortSignal: signal })));
        // One that is gone fails the whole call: then each is asked for by itself.
        const answers = (await read(some)) ?? (await Promise.all(some.map((arn) => read([arn]))));
        for (const one of [answers].flat().flatMap((answer) => answer?.TagDescriptions ?? []))
          if (one.ResourceArn !== undefined) found.set(one.ResourceArn, tagsOf(one.Tags));
      }
      return found;
    },
    async setTags(arns, tags, signal) {
      await ask(
        'AddTags',
        signal,
        client.send(new AddTagsCommand({ ResourceArns: [...arns], Tags: listOf(tags) }), { abortSignal: signal }),
      );
    },
    async listeners(signal) {
      const abort = { abortSignal: signal };
      const balancers = await pages(async (Marker) => {
        const page = await ask('DescribeLoadBalancers', signal, client.send(new DescribeLoadBalancersCommand(marker(Marker)), abort));
        return { items: page.LoadBalancers, next: page.NextMarker };
      });
      const arns: string[] = [];
      for (const { LoadBalancerArn } of balancers) {
        const listeners = await pages(async (Marker) => {
          const page = await ask(
            'DescribeListeners',
            signal,
            client.send(new DescribeListenersCommand({ LoadBalancerArn, ...marker(Marker) }), abort),
          );
          return { items: page.Listeners, next: page.NextMarker };
        });
        arns.push(...listeners.flatMap((one) => one.ListenerArn ?? []));
      }
      return arns;
    },
  };
}

function marker(from: string | undefined): { readonly Marker?: string } {
  return from === undefined ? {} : { Marker: from };
}

function ruleOf(rule: SdkRule): Rule {
  const isDefault = rule.IsDefault === true;
  return {
    arn: rule.RuleArn ?? '',
    isDefault,
    priority: isDefault ? null : Number(rule.Priority),
    conditions: plain(rule.Conditions ?? []),
    actions: plain(rule.Actions ?? []),
  };
}

/** What CreateTargetGroup takes of what DescribeTargetGroups says. */
const settingNames = [
  'Protocol',
  'ProtocolVersion',
  'Port',
  'VpcId',
  'TargetType',
  'IpAddressType',
  'HealthCheckEnabled',
  'HealthCheckProtocol',
  'HealthCheckPort',
  'HealthCheckPath',
  'HealthCheckIntervalSeconds',
  'HealthCheckTimeoutSeconds',
  'HealthyThresholdCount',
  'UnhealthyThresholdCount',
  'Matcher',
] as const satisfies readonly (keyof SdkTargetGroup & keyof CreateTargetGroupCommandInput)[];

function targetGroupOf(group: SdkTargetGroup): TargetGroup {
  const settings = Object.fromEntries(settingNames.flatMap((name) => (group[name] === undefined ? [] : [[name, group[name]]])));
  return { arn: group.TargetGroupArn ?? '', name: group.TargetGroupName ?? '', settings: plain(settings) };
}

/** Without what the SDK leaves undefined, so that it can be stored and compared. */
function plain<T>(value: unknown): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function listOf(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function tagsOf(list: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] = []): Tags {
  return Object.fromEntries(list.map(({ Key, Value }) => [Key ?? '', Value ?? '']));
}
