import { type Arm, HaldaneError, hasCode, type TwinOf } from '@haldane/core';
import type { AwsCalls, Group, Rule, TargetGroup, Template, Twin, Twins } from './aws-calls.ts';
import { twinName } from './names.ts';
import { tagNames } from './our-tags.ts';

/** The target group by that name if it is this run's; null when there is none, or it is somebody else's. */
export async function ownTargetGroup(
  { balancing }: AwsCalls,
  name: string,
  runId: string,
  signal: AbortSignal,
): Promise<TargetGroup | null> {
  const found = await balancing.targetGroup(name, signal);
  if (found === null) return null;
  const tags = (await balancing.tags([found.arn], signal)).get(found.arn);
  return tags?.[tagNames.run] === runId ? found : null;
}

/** The launch template by that name if it is this run's. */
export async function ownTemplate({ templates }: AwsCalls, name: string, runId: string, signal: AbortSignal): Promise<Template | null> {
  const found = await templates.template(name, signal);
  return found?.tags[tagNames.run] === runId ? found : null;
}

/** The twin by that name if it is this run's. */
export async function ownTwin(twins: Twins, name: string, runId: string, signal: AbortSignal): Promise<Twin | null> {
  const found = await twins.find(name, signal);
  return found?.tags[tagNames.run] === runId ? found : null;
}

/** The arm's twins, of the kind that its run makes (null: none; absent: that is not known, and it may be any), with the calls that each takes. */
export async function ownTwins(
  { twins }: AwsCalls,
  runId: string,
  arm: Arm,
  signal: AbortSignal,
  twinOf?: TwinOf | null,
): Promise<readonly { readonly kind: Twins; readonly twin: Twin }[]> {
  const found: { readonly kind: Twins; readonly twin: Twin }[] = [];
  if (twinOf === null) return found;
  for (const kind of twinOf === undefined ? Object.values(twins) : [twins[twinOf]]) {
    const twin = await ownTwin(kind, twinName(runId, arm), runId, signal);
    if (twin !== null) found.push({ kind, twin });
  }
  return found;
}

/**
 * The calls for whoever looks for all that runs made: what a role may not even look at is none, for it can have made none. Templates only
 * where a sidecar is configured.
 */
export function sparing({ balancing, groups, templates, twins }: AwsCalls, hasSidecars: boolean): AwsCalls {
  const spared =
    <T>(look: (name: string, signal: AbortSignal) => Promise<T | null>) =>
    async (name: string, signal: AbortSignal): Promise<T | null> => {
      try {
        return await look(name, signal);
      } catch (error) {
        if (!hasCode(error, 'denied')) throw error;
        return null;
      }
    };
  const kinds = Object.entries(twins).map(([of, kind]) => [of, { ...kind, find: spared(kind.find) }]);
  return {
    balancing,
    groups,
    templates: hasSidecars ? templates : { ...templates, template: spared(templates.template) },
    twins: Object.fromEntries(kinds) as AwsCalls['twins'],
  };
}

/** The group by that name if it is this run's. */
export async function ownGroup({ groups }: AwsCalls, name: string, runId: string, signal: AbortSignal): Promise<Group | null> {
  const found = await groups.group(name, signal);
  return found !== null && runOf(found) === runId ? found : null;
}

export function runOf(group: Group): string | null {
  return group.tags.find((tag) => tag.key === tagNames.run)?.value ?? null;
}

/** The run's own rules on a listener, by arm. More than one of an arm means that a call was made twice. */
export async function ownRules(
  { balancing }: AwsCalls,
  rules: readonly Rule[],
  runId: string,
  signal: AbortSignal,
): Promise<readonly { readonly rule: Rule; readonly arm: string }[]> {
  const candidates = rules.filter((rule) => !rule.isDefault);
  if (candidates.length === 0) return [];
  const tags = await balancing.tags(
    candidates.map((rule) => rule.arn),
    signal,
  );
  return candidates.flatMap((rule) => {
    const own = tags.get(rule.arn);
    return own?.[tagNames.run] === runId ? [{ rule, arm: own[tagNames.arm] ?? '' }] : [];
  });
}

/**
 * Makes something unless it is there. When the call fails it may have been made all the same (the answer was lost, or an earlier try
 * of the SDK's had come through): then what is there is looked at once more, and counts if it is ours.
 */
export async function findOrMake<T>(what: string, find: () => Promise<T | null>, make: () => Promise<unknown>): Promise<T> {
  const there = await find();
  if (there !== null) return there;
  let failure: unknown = null;
  try {
    await make();
  } catch (error) {
    if (!hasCode(error, 'conflict')) throw error;
    failure = error;
  }
  const made = await find();
  if (made !== null) return made;
  if (failure !== null)
    throw new HaldaneError('denied', `${what} is there already and is somebody else's: it does not carry this run's tag`, {
      cause: failure,
    });
  throw new HaldaneError('unavailable', `${what} was made but is not seen yet`);
}
