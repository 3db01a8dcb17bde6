import type { JsonObject, TwinFault, TwinOf } from '@haldane/core';

export type Tags = Readonly<Record<string, string>>;

/** An action of a listener's rule as AWS writes it, kept whole: what we do not know of must survive us. */
export type Action = JsonObject;

export type Listener = {
  readonly arn: string;
  /** Where its balancer answers, with scheme and port. */
  readonly address: string;
  readonly isEncrypted: boolean;
};

export type Rule = {
  readonly arn: string;
  readonly isDefault: boolean;
  /** 1 (first) to 50000; null: the default rule, which comes last. */
  readonly priority: number | null;
  readonly conditions: readonly JsonObject[];
  readonly actions: readonly Action[];
};

export type TargetGroup = {
  readonly arn: string;
  readonly name: string;
  /** What another one equal to it is created with: protocol, port, network, health check. */
  readonly settings: JsonObject;
};

export type Target = { readonly id: string; readonly port: number; readonly state: string };

/**
 * The calls of Elastic Load Balancing that this platform makes. Each throws a HaldaneError: `gone`, `denied`, `throttled`, `conflict`
 * (it is there already, or in use) or `unavailable`, which names service, operation and what AWS said. Removing what is not there succeeds.
 */
export interface LoadBalancing {
  listener(loadBalancer: string, port: number, signal: AbortSignal): Promise<Listener | null>;
  /** Every rule of the listener, the default one too. */
  rules(listenerArn: string, signal: AbortSignal): Promise<readonly Rule[]>;
  setActions(listenerArn: string, rule: Rule, actions: readonly Action[], signal: AbortSignal): Promise<void>;
  addRule(
    listenerArn: string,
    rule: {
      readonly priority: number;
      readonly conditions: readonly JsonObject[];
      readonly actions: readonly Action[];
      readonly tags: Tags;
    },
    signal: AbortSignal,
  ): Promise<void>;
  setConditions(ruleArn: string, conditions: readonly JsonObject[], signal: AbortSignal): Promise<void>;
  removeRule(arn: string, signal: AbortSignal): Promise<void>;
  targetGroup(name: string, signal: AbortSignal): Promise<TargetGroup | null>;
  /** These, or all of the account and region; one that is gone is left out. */
  targetGroups(which: readonly string[] | 'all', signal: AbortSignal): Promise<readonly TargetGroup[]>;
  /** Its attributes, like the time that a leaving target gets. */
  attributes(arn: string, signal: AbortSignal): Promise<Tags>;
  addTargetGroup(name: string, settings: JsonObject, tags: Tags, signal: AbortSignal): Promise<TargetGroup>;
  setAttributes(arn: string, attributes: Tags, signal: AbortSignal): Promise<void>;
  removeTargetGroup(arn: string, signal: AbortSignal): Promise<void>;
  health(arn: string, signal: AbortSignal): Promise<readonly Target[]>;
  /** By ARN; one that is gone is left out. */
  tags(arns: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Tags>>;
  setTags(arns: readonly string[], tags: Tags, signal: AbortSignal): Promise<void>;
  /** Every listener of every balancer: for a sweep, which knows no route. */
  listeners(signal: AbortSignal): Promise<readonly string[]>;
}

export type Group = {
  readonly name: string;
  /** Null: it is made from something other than one launch template. */
  readonly template: { readonly id: string; readonly name: string; readonly version: string } | null;
  readonly targetGroups: readonly string[];
  readonly desired: number;
  /** What another one equal to it is created with: subnets, health check, life times. */
  readonly settings: JsonObject;
  readonly instances: readonly {
    readonly id: string;
    readonly type: string;
    readonly isInService: boolean;
    /** Of its launch template; null when it has none. */
    readonly version: string | null;
  }[];
  readonly suspended: readonly string[];
  readonly tags: readonly { readonly key: string; readonly value: string; readonly atLaunch: boolean }[];
  /** It is on its way out. */
  readonly isLeaving: boolean;
};

/** `isAtLaunch`: before an instance is in service, and not before one ends. */
export type Hook = { readonly name: string; readonly isAtLaunch: boolean };

export type NewGroup = {
  readonly name: string;
  readonly template: { readonly id: string; readonly version: string };
  readonly instances: number;
  readonly targetGroup: string;
  readonly settings: JsonObject;
  readonly tags: Group['tags'];
};

/** The calls of EC2 Auto Scaling. Errors as with LoadBalancing. */
export interface Groups {
  group(name: string, signal: AbortSignal): Promise<Group | null>;
  /** Groups that carry this tag. */
  tagged(key: string, signal: AbortSignal): Promise<readonly Group[]>;
  addGroup(group: NewGroup, signal: AbortSignal): Promise<void>;
  suspend(name: string, processes: readonly string[], signal: AbortSignal): Promise<void>;
  /** Ends its instances too. */
  removeGroup(name: string, signal: AbortSignal): Promise<void>;
  setTags(name: string, tags: Tags, signal: AbortSignal): Promise<void>;
  /** Instance refreshes of it that are not over, each in words. */
  refreshing(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Its lifecycle hooks: what is waited for at its instances. */
  hooks(name: string, signal: AbortSignal): Promise<readonly Hook[]>;
}

/** The calls of EC2. */
export interface Templates {
  /** The number behind `$Latest`, `$Default` or a number; null when there is no such version. */
  version(templateId: string, version: string, signal: AbortSignal): Promise<string | null>;
  /** Private addresses, by instance id, of those that begin or run; one that has none, or is not known, is left out. */
  addresses(instanceIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** What instances of this version are launched from, whole; null when there is no such version. */
  data(templateId: string, version: string, signal: AbortSignal): Promise<JsonObject | null>;
  template(name: string, signal: AbortSignal): Promise<Template | null>;
  /** Templates that carry this tag. */
  tagged(key: string, signal: AbortSignal): Promise<readonly Template[]>;
  /** One with a single version of these data. */
  addTemplate(name: string, data: JsonObject, tags: Tags, signal: AbortSignal): Promise<void>;
  removeTemplate(id: string, signal: AbortSignal): Promise<void>;
  setTags(id: string, tags: Tags, signal: AbortSignal): Promise<void>;
}

export type Template = { readonly id: string; readonly name: string; readonly tags: Tags };

/** A resource of a run's own beside its arms. */
export type Twin = { readonly id: string; readonly name: string; readonly tags: Tags };

/** One that may be a twin: who made it could not be read. */
export type Unread = { readonly name: string; readonly why: string };

/** A resource of the service's, as a twin of it is made. */
export type Original = Twin & {
  /** What another one equal to it is created with. */
  readonly settings: JsonObject;
  /** In words, what a twin of it will not have. */
  readonly differs: readonly string[];
};

/** The calls about one kind of resource of which runs make twins, and about what is harmed at them. Errors as with LoadBalancing. */
export interface Twins<F extends TwinFault = TwinFault> {
  /** As its owner finds it: `security group`. */
  readonly word: string;
  find(name: string, signal: AbortSignal): Promise<Twin | null>;
  /** By name or id. Throws `refused` when several are called so. */
  original(like: string, signal: AbortSignal): Promise<Original | null>;
  /** Twins that carry this tag, and those of which that could not be read. */
  tagged(key: string, signal: AbortSignal): Promise<readonly (Twin | Unread)[]>;
  /** With its tags in one call, so that none is ever nobody's. */
  add(name: string, original: Original, tags: Tags, signal: AbortSignal): Promise<void>;
  /** In words, what it still lacks of the original's settings. */
  lacks(twin: Twin, original: Original, signal: AbortSignal): Promise<readonly string[]>;
  /** Gives it what it lacks. */
  equip(twin: Twin, original: Original, signal: AbortSignal): Promise<void>;
  remove(twin: Twin, signal: AbortSignal): Promise<void>;
  setTags(twin: Twin, tags: Tags, signal: AbortSignal): Promise<void>;
  /** In words, what would be harmed with it; null when nothing would. */
  behind(twin: Twin, signal: AbortSignal): Promise<string | null>;
  /** In words, what in the account does not let this run make this fault: respected, and never touched. */
  hinders(fault: F, runId: string, signal: AbortSignal): Promise<string | null>;
  /** What stands in the fields that the fault writes. */
  before(twin: Twin, fault: F, signal: AbortSignal): Promise<JsonObject>;
  put(twin: Twin, fault: F, signal: AbortSignal): Promise<void>;
  /** Takes out what `put` wrote and nothing else. */
  take(twin: Twin, fault: F, before: JsonObject, signal: AbortSignal): Promise<void>;
  isOn(twin: Twin, fault: F, signal: AbortSignal): Promise<boolean>;
  isBack(twin: Twin, fault: F, before: JsonObject, signal: AbortSignal): Promise<boolean>;
  /** In words, what of the fields that `put` writes somebody else has set since, so that `take` leaves it; null when they hold what they held before. */
  superseded(twin: Twin, fault: F, before: JsonObject, signal: AbortSignal): Promise<string | null>;
}

/** Everything of one account and region that this platform can do. */
export type AwsCalls = {
  readonly balancing: LoadBalancing;
  readonly groups: Groups;
  readonly templates: Templates;
  readonly twins: Readonly<Record<TwinOf, Twins>>;
};
