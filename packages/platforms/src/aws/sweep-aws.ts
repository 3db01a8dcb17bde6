import { messageOf } from '@haldane/core';
import type { SweepRow } from '../sweep-row.ts';
import type { AwsCalls, Tags, Twins } from './aws-calls.ts';
import { forwardOf, withGroups } from './forward.ts';
import { tagNames } from './our-tags.ts';
import { runOf } from './own.ts';

export type AwsSweepOptions = {
  readonly calls: AwsCalls;
  /** Epoch ms. */
  readonly now: number;
  /** False only lists. */
  readonly end: boolean;
};

type Finding = Omit<SweepRow, 'action'> & { readonly end: () => Promise<void> };

/**
 * Lists (and with `end` ends) what runs left in an account past the expiry in its tags, from the tags alone: needs no database. Users leave
 * first: arms are cut out of every rule that leads to them, by whatever its owner has made of it since; then rules, groups, target groups and
 * templates go. What carries no expiry of ours, or one still to come, is never touched.
 */
export async function sweepAws({ calls, now, end }: AwsSweepOptions, signal: AbortSignal): Promise<readonly SweepRow[]> {
  const { balancing, groups } = calls;
  const targetGroups = await balancing.targetGroups('all', signal);
  const tags = await balancing.tags(
    targetGroups.map((one) => one.arn),
    signal,
  );
  const expired = targetGroups.flatMap(({ arn, name }) => {
    const own = ownedUntil(tags.get(arn));
    return own !== null && own.until <= now ? [{ arn, name, ...own }] : [];
  });
  const findings = expired.length === 0 ? [] : await leadingTo(new Map(expired.map((one) => [one.arn, one])), calls, signal);
  for (const group of await groups.tagged(tagNames.run, signal)) {
    const own = ownedUntil(Object.fromEntries(group.tags.map((tag) => [tag.key, tag.value])));
    if (own === null || own.until > now || group.isLeaving) continue;
    const what = `Auto Scaling group ${group.name} with ${group.instances.length} instances`;
    findings.push({ what, runId: runOf(group), expiredAt: own.until, end: () => groups.removeGroup(group.name, signal) });
  }
  for (const { arn, name, runId, until } of expired)
    findings.push({ what: `target group ${name}`, runId, expiredAt: until, end: () => balancing.removeTargetGroup(arn, signal) });
  const became = async ({ end: act, ...row }: Finding): Promise<SweepRow> => ({
    ...row,
    action: end ? await attempt(act) : 'would be ended',
  });
  const rows: SweepRow[] = [];
  for (const one of findings) rows.push(await became(one));
  // Last, when all else has ended: an older role may not look at these.
  const kinds: readonly { readonly what: string; readonly look: () => Promise<readonly (Finding | SweepRow)[]> }[] = [
    { what: 'launch templates', look: () => expiredTemplates(calls, now, signal) },
    ...Object.values(calls.twins).map((kind) => ({ what: `${kind.word}s`, look: () => expiredTwins(kind, now, signal) })),
  ];
  for (const { what, look } of kinds) {
    try {
      for (const one of await look()) rows.push('action' in one ? one : await became(one));
    } catch (error) {
      rows.push({ what, runId: null, expiredAt: null, action: `could not be looked for: ${messageOf(error)}` });
    }
  }
  return rows;
}

/** And, as rows, those of which nobody could say whose they are. */
async function expiredTwins(kind: Twins, now: number, signal: AbortSignal): Promise<readonly (Finding | SweepRow)[]> {
  return (await kind.tagged(tagNames.run, signal)).flatMap((twin): readonly (Finding | SweepRow)[] => {
    const what = `${kind.word} ${twin.name}`;
    if ('why' in twin) return [{ what, runId: null, expiredAt: null, action: `could not be looked at: ${twin.why}` }];
    const own = ownedUntil(twin.tags);
    if (own === null || own.until > now) return [];
    const end = () => kind.remove(twin, signal);
    return [{ what, runId: own.runId, expiredAt: own.until, end }];
  });
}

async function expiredTemplates({ templates }: AwsCalls, now: number, signal: AbortSignal): Promise<readonly Finding[]> {
  return (await templates.tagged(tagNames.run, signal)).flatMap(({ id, name, tags }) => {
    const own = ownedUntil(tags);
    if (own === null || own.until > now) return [];
    const end = () => templates.removeTemplate(id, signal);
    return [{ what: `launch template ${name}`, runId: own.runId, expiredAt: own.until, end }];
  });
}

type Expired = { readonly name: string; readonly runId: string; readonly until: number };

/** Rules that lead to target groups of ours that have expired, by ARN: our doors, which go, and others' actions, which the arms are cut out of. */
async function leadingTo(arms: ReadonlyMap<string, Expired>, { balancing }: AwsCalls, signal: AbortSignal): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const listener of await balancing.listeners(signal)) {
    const rules = await balancing.rules(listener, signal);
    const tags = await balancing.tags(
      rules.filter((one) => !one.isDefault).map((one) => one.arn),
      signal,
    );
    for (const rule of rules) {
      const leading = forwardOf(rule.actions)?.groups ?? [];
      const [arm] = leading.flatMap((one) => arms.get(one.targetGroup) ?? []);
      if (arm === undefined) continue;
      const row = { runId: arm.runId, expiredAt: arm.until };
      const where = rule.isDefault ? `the default rule of ${listener}` : `rule ${rule.arn}`;
      if (tags.get(rule.arn)?.[tagNames.run] !== undefined) {
        findings.push({ ...row, what: `${where}, a door to ${arm.name}`, end: () => balancing.removeRule(rule.arn, signal) });
        continue;
      }
      const others = leading.filter((one) => !arms.has(one.targetGroup));
      const cut = () => balancing.setActions(listener, rule, withGroups(rule.actions, others), signal);
      findings.unshift({ ...row, what: `the arms in ${where}`, end: cut });
    }
  }
  return findings;
}

function ownedUntil(tags: Tags | undefined): { readonly runId: string; readonly until: number } | null {
  const runId = tags?.[tagNames.run];
  const until = Date.parse(tags?.[tagNames.expires] ?? '');
  return runId === undefined || Number.isNaN(until) ? null : { runId, until };
}

/** One that cannot be ended keeps nothing else from being ended. */
async function attempt(act: () => Promise<void>): Promise<string> {
  try {
    await act();
    return 'ended';
  } catch (error) {
    return `could not be ended: ${messageOf(error)}`;
  }
}
