import { HaldaneError, type JsonObject } from '@haldane/core';
import type {
  Action,
  AwsCalls,
  Group,
  Groups,
  Hook,
  LoadBalancing,
  Rule,
  Tags,
  Target,
  TargetGroup,
  Template,
  Templates,
} from '../aws-calls.ts';
import { forwardOf } from '../forward.ts';
import { MemoryTwins } from './memory-twins.ts';

type MemoryTargetGroup = TargetGroup & { tags: Tags; attributes: Tags };
/** What somebody else does to a group: new versions of its instances, one after the other, and what is said of it. */
type GroupEdit = { readonly versions?: readonly string[]; readonly refreshing?: readonly string[]; readonly hooks?: readonly Hook[] };
type MemoryListener = { readonly arn: string; readonly loadBalancer: string; readonly port: number; rules: (Rule & { tags: Tags })[] };

const productionData = { ImageId: 'ami-1', InstanceType: 't3.micro', UserData: Buffer.from('#!/bin/sh\n').toString('base64') };
const defaultAttributes = { 'deregistration_delay.timeout_seconds': '300', 'stickiness.enabled': 'false' };

/** One account and region in memory, that refuses what AWS refuses: taken names and priorities, a target group in use, an empty action. */
export class MemoryAccount implements AwsCalls {
  readonly balancing: LoadBalancing;
  readonly groups: Groups;
  readonly templates: Templates;
  readonly twins = {
    firewall: new MemoryTwins('security group'),
    bucket: new MemoryTwins('bucket'),
    role: new MemoryTwins('role'),
    trail: new MemoryTwins('audit trail'),
  } as const;
  readonly #listeners: MemoryListener[] = [];
  readonly #targetGroups: MemoryTargetGroup[] = [];
  readonly #groups: Group[] = [];
  readonly #registered = new Map<string, readonly Target[]>();
  readonly #versions = new Map<string, number>();
  readonly #templates: (Template & { readonly data: JsonObject })[] = [];
  readonly #shown = new Map<string, GroupEdit>();
  #made = 0;

  constructor() {
    this.balancing = this.#balancing();
    this.groups = this.#autoScaling();
    this.templates = {
      version: async (id, version) => {
        const latest = this.#versions.get(id);
        const number = version.startsWith('$') ? latest : Number(version);
        return latest === undefined || number === undefined || number > latest ? null : `${number}`;
      },
      data: async (id, version) => {
        const own = this.#templates.find((one) => one.id === id);
        if (own !== undefined) return structuredClone(own.data);
        return (await this.templates.version(id, version, new AbortController().signal)) === null ? null : { ...productionData };
      },
      template: async (name) => {
        const found = this.#templates.find((one) => one.name === name);
        return found === undefined ? null : { id: found.id, name, tags: { ...found.tags } };
      },
      tagged: async (key) =>
        this.#templates.filter(({ tags }) => tags[key] !== undefined).map(({ id, name, tags }) => ({ id, name, tags })),
      addTemplate: async (name, data, tags) => {
        if (this.#templates.some((one) => one.name === name)) throw new HaldaneError('conflict', `launch template ${name} exists`);
        const id = this.#arn('template');
        this.#templates.push({ id, name, tags, data: structuredClone(data) });
        this.addTemplate(id, 1);
      },
      removeTemplate: async (id) => {
        const index = this.#templates.findIndex((one) => one.id === id);
        if (index >= 0) this.#templates.splice(index, 1);
      },
      setTags: async (id, tags) => {
        const index = this.#templates.findIndex((one) => one.id === id);
        const found = this.#templates[index];
        if (found !== undefined) this.#templates[index] = { ...found, tags: { ...found.tags, ...tags } };
      },
      addresses: async (ids) => new Map(ids.map((id, index) => [id, `10.0.0.${index + 1}`])),
    };
  }

  /** A launch template with so many versions. */
  addTemplate(id: string, versions: number): void {
    this.#versions.set(id, versions);
  }

  /** Somebody else does something to a group. */
  editGroup(name: string, edit: GroupEdit): void {
    this.#shown.set(name, { ...this.#shown.get(name), ...edit });
    const index = this.#groups.findIndex((one) => one.name === name);
    const group = this.#groups[index];
    if (group === undefined) throw new HaldaneError('gone', `no group ${name}`);
    const instances = group.instances.map((one, at) => ({ ...one, version: edit.versions?.[at] ?? one.version }));
    this.#groups[index] = { ...group, instances };
  }

  /** Targets of a group besides those that Auto Scaling keeps in it. */
  register(targetGroup: string, targets: readonly Target[]): void {
    this.#registered.set(targetGroup, targets);
  }

  addListener(loadBalancer: string, port: number, actions: readonly Action[]): string {
    const arn = this.#arn('listener');
    const rule = { arn: this.#arn('rule'), isDefault: true, priority: null, conditions: [], actions, tags: {} };
    this.#listeners.push({ arn, loadBalancer, port, rules: [rule] });
    return arn;
  }

  #arn(kind: string): string {
    this.#made += 1;
    return `arn:memory:${kind}/${this.#made}`;
  }

  #rule(arn: string): { readonly listener: MemoryListener; readonly rule: MemoryListener['rules'][number] } {
    for (const listener of this.#listeners) for (const rule of listener.rules) if (rule.arn === arn) return { listener, rule };
    throw new HaldaneError('gone', `no rule ${arn}`);
  }

  #leadingTo(arn: string): boolean {
    return this.#listeners.some(({ rules }) =>
      rules.some(({ actions }) => forwardOf(actions)?.groups.some((one) => one.targetGroup === arn)),
    );
  }

  #put(listener: MemoryListener, next: MemoryListener['rules'][number]): void {
    if (forwardOf(next.actions)?.groups.length === 0) throw new HaldaneError('unavailable', 'a forward action needs a target group');
    listener.rules = [...listener.rules.filter((one) => one.arn !== next.arn), next].sort(
      (a, b) => (a.priority ?? 1e9) - (b.priority ?? 1e9),
    );
  }

  #balancing(): LoadBalancing {
    const targetGroups = this.#targetGroups;
    const byArn = (arn: string) => targetGroups.find((one) => one.arn === arn);
    const bare = ({ tags: _tags, attributes: _attributes, ...group }: MemoryTargetGroup): TargetGroup => structuredClone(group);
    return {
      listener: async (loadBalancer, port) => {
        const found = this.#listeners.find((one) => one.loadBalancer === loadBalancer && one.port === port);
        return found === undefined ? null : { arn: found.arn, isEncrypted: false, address: `http://${loadBalancer}.test:${port}` };
      },
      rules: async (arn) =>
        structuredClone(this.#listeners.find((one) => one.arn === arn)?.rules.map(({ tags: _tags, ...rule }) => rule) ?? []),
      setActions: async (_listener, { arn }, actions) => {
        const { listener, rule } = this.#rule(arn);
        this.#put(listener, { ...rule, actions: structuredClone(actions) });
      },
      setConditions: async (arn, conditions) => {
        const { listener, rule } = this.#rule(arn);
        this.#put(listener, { ...rule, conditions: structuredClone(conditions) });
      },
      addRule: async (listenerArn, { priority, conditions, actions, tags }) => {
        const listener = this.#listeners.find((one) => one.arn === listenerArn);
        if (listener === undefined) throw new HaldaneError('gone', `no listener ${listenerArn}`);
        if (listener.rules.some((one) => one.priority === priority)) throw new HaldaneError('conflict', `priority ${priority} is taken`);
        this.#put(listener, structuredClone({ arn: this.#arn('rule'), isDefault: false, priority, conditions, actions, tags }));
      },
      removeRule: async (arn) => {
        for (const listener of this.#listeners) listener.rules = listener.rules.filter((one) => one.arn !== arn);
      },
      targetGroup: async (name) => {
        const found = targetGroups.find((one) => one.name === name);
        return found === undefined ? null : bare(found);
      },
      targetGroups: async (which) => targetGroups.filter((one) => which === 'all' || which.includes(one.arn)).map(bare),
      attributes: async (arn) => ({ ...byArn(arn)?.attributes }),
      addTargetGroup: async (name, settings, tags) => {
        if (targetGroups.some((one) => one.name === name)) throw new HaldaneError('conflict', `target group ${name} exists`);
        const group = { arn: this.#arn('targetgroup'), name, settings: structuredClone(settings), tags, attributes: defaultAttributes };
        targetGroups.push(group);
        return bare(group);
      },
      setAttributes: async (arn, attributes) => {
        const group = byArn(arn);
        if (group === undefined) throw new HaldaneError('gone', `no target group ${arn}`);
        group.attributes = { ...group.attributes, ...attributes };
      },
      removeTargetGroup: async (arn) => {
        if (this.#leadingTo(arn)) throw new HaldaneError('conflict', `target group ${arn} is in use by a rule`);
        const index = targetGroups.findIndex((one) => one.arn === arn);
        if (index >= 0) targetGroups.splice(index, 1);
      },
      health: async (arn) => {
        const port = Number(byArn(arn)?.settings['Port']);
        const state = this.#leadingTo(arn) ? 'healthy' : 'unused';
        const kept = this.#groups.filter((group) => group.targetGroups.includes(arn)).flatMap((group) => group.instances);
        return [...kept.map(({ id }) => ({ id, port, state })), ...(this.#registered.get(arn) ?? [])];
      },
      tags: async (arns) => {
        const rules = this.#listeners.flatMap((listener) => listener.rules);
        return new Map([...rules, ...targetGroups].filter((one) => arns.includes(one.arn)).map((one) => [one.arn, { ...one.tags }]));
      },
      setTags: async (arns, tags) => {
        for (const arn of arns) {
          const group = byArn(arn);
          if (group !== undefined) group.tags = { ...group.tags, ...tags };
        }
      },
      listeners: async () => this.#listeners.map((one) => one.arn),
    };
  }

  #autoScaling(): Groups {
    const groups = this.#groups;
    const change = (name: string, next: (group: Group) => Group) => {
      const index = groups.findIndex((one) => one.name === name);
      const group = groups[index];
      if (group === undefined) throw new HaldaneError('gone', `no group ${name}`);
      groups[index] = next(group);
    };
    return {
      group: async (name) => structuredClone(groups.find((one) => one.name === name) ?? null),
      tagged: async (key) => structuredClone(groups.filter((group) => group.tags.some((tag) => tag.key === key))),
      addGroup: async ({ name, template, instances, targetGroup, settings, tags }) => {
        if (groups.some((one) => one.name === name)) throw new HaldaneError('conflict', `group ${name} exists`);
        const version = (await this.templates.version(template.id, template.version, new AbortController().signal)) ?? null;
        if (version === null) throw new HaldaneError('gone', `no version ${template.version} of ${template.id}`);
        groups.push({
          name,
          template: { ...template, name: this.#templates.find((one) => one.id === template.id)?.name ?? template.id },
          targetGroups: [targetGroup],
          desired: instances,
          settings: structuredClone(settings) as JsonObject,
          instances: Array.from({ length: instances }, (_, index) => ({
            id: `${name}-${index}`,
            type: 't3.micro',
            isInService: true,
            version,
          })),
          suspended: [],
          tags: structuredClone(tags),
          isLeaving: false,
        });
      },
      suspend: async (name, processes) =>
        change(name, (group) => ({ ...group, suspended: [...new Set([...group.suspended, ...processes])] })),
      removeGroup: async (name) => {
        const index = groups.findIndex((one) => one.name === name);
        if (index >= 0) groups.splice(index, 1);
      },
      setTags: async (name, tags) =>
        change(name, (group) => ({
          ...group,
          tags: [
            ...group.tags.filter((tag) => tags[tag.key] === undefined),
            ...Object.entries(tags).map(([key, value]) => ({ key, value, atLaunch: true })),
          ],
        })),
      refreshing: async (name) => this.#shown.get(name)?.refreshing ?? [],
      hooks: async (name) => this.#shown.get(name)?.hooks ?? [],
    };
  }
}
