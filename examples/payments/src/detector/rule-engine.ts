import type { Condition, FiredAlert, Rule, SecurityEvent } from './rule.ts';

type Group = { seen: { at: number; when: string }[]; silentUntil: number };

/** Groups kept at most: a stranger who varies a grouped field must not fill the memory. */
const mostGroups = 10_000;

/**
 * Counts events against rules: an alert fires when `count` events of one group lie within the window, once, and then the group is
 * silent for its cooldown. Time is when the event arrived here; a service's own clock cannot delay an alert.
 */
export class RuleEngine {
  readonly #rules: readonly Rule[];
  readonly #groups = new Map<string, Group>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** Takes one event and returns the alerts that it makes due, one for each receiver. `now` in epoch milliseconds. */
  take(event: SecurityEvent, now: number): readonly FiredAlert[] {
    return this.#rules.flatMap((rule) => (matches(rule, event) ? this.#count(rule, event, now) : []));
  }

  #count(rule: Rule, event: SecurityEvent, now: number): readonly FiredAlert[] {
    const group = this.#groupOf([rule.name, ...rule.groupBy.map((field) => textOf(event[field]))].join('\u0000'));
    if (now < group.silentUntil) return [];
    group.seen = group.seen.filter(({ at }) => now - at <= rule.withinSeconds * 1000);
    group.seen.push({ at: now, when: event.at });
    if (group.seen.length < rule.count) return [];
    const told = { ...event, count: group.seen.length, since: group.seen[0]?.when ?? event.at };
    group.seen = [];
    group.silentUntil = now + rule.cooldownSeconds * 1000;
    return rule.receivers.map((receiver) => alertOf(rule, receiver, told));
  }

  #groupOf(key: string): Group {
    const group = this.#groups.get(key) ?? { seen: [], silentUntil: 0 };
    this.#groups.delete(key);
    this.#groups.set(key, group);
    const oldest = this.#groups.keys().next().value;
    if (this.#groups.size > mostGroups && oldest !== undefined) this.#groups.delete(oldest);
    return group;
  }
}

function matches(rule: Rule, event: SecurityEvent): boolean {
  return rule.any.some((set) => Object.entries(set).every(([field, condition]) => holds(condition, event[field])));
}

function holds(condition: Condition, value: unknown): boolean {
  if (Array.isArray(condition)) return condition.some((one) => one === value);
  if (typeof condition === 'object') {
    const present = value !== undefined && value !== null && value !== '';
    return present === (condition as { present: boolean }).present;
  }
  return condition === value;
}

function alertOf(rule: Rule, receiver: string, event: SecurityEvent & { readonly since: string }): FiredAlert {
  const fill = (template: string) => template.replace(/\{(\w+)\}/g, (_, field: string) => textOf(event[field]) || 'unknown').slice(0, 300);
  const { summary, who, what, where, resource, remediation } = rule.alert;
  return {
    rule: rule.name,
    severity: rule.severity,
    receiver,
    summary: fill(summary),
    fields: {
      who: fill(who),
      what: fill(what),
      when: event.since,
      where: fill(where),
      resource: fill(resource),
      remediation: fill(remediation),
      severity: rule.severity,
      owner: rule.owner,
      service: textOf(event.service),
      instance: textOf(event.instance),
    },
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value).slice(0, 128) : '';
}
