import type { Json, JsonObject } from '@haldane/core';
import type { Action } from './aws-calls.ts';

export type Weighted = { readonly targetGroup: string; readonly weight: number };

/** The action that sends requests on to target groups, as it stands among the rule's actions; null when none does. */
export function forwardOf(
  actions: readonly Action[],
): { readonly index: number; readonly groups: readonly Weighted[]; readonly sticky: boolean } | null {
  const index = actions.findIndex((action) => action['Type'] === 'forward');
  const action = actions[index];
  if (action === undefined) return null;
  const config = action['ForwardConfig'] as JsonObject | undefined;
  const listed = (config?.['TargetGroups'] as readonly JsonObject[] | undefined) ?? [];
  const only = action['TargetGroupArn'];
  const groups =
    listed.length > 0
      ? listed.map((one) => ({ targetGroup: String(one['TargetGroupArn']), weight: Number(one['Weight'] ?? 1) }))
      : typeof only === 'string'
        ? [{ targetGroup: only, weight: 1 }]
        : [];
  const stickiness = config?.['TargetGroupStickinessConfig'] as JsonObject | undefined;
  return { index, groups, sticky: stickiness?.['Enabled'] === true };
}

/** The same actions with these groups in the forward action, and everything else of every action as it stands. */
export function withGroups(actions: readonly Action[], groups: readonly Weighted[]): readonly Action[] {
  const forward = forwardOf(actions);
  return actions.map((action, index) => {
    if (index !== forward?.index) return action;
    // AWS takes the short form only for one group, and refuses it beside the long one when they differ.
    const { TargetGroupArn: _short, ...rest } = action;
    const config = (action['ForwardConfig'] as JsonObject | undefined) ?? {};
    const listed: readonly Json[] = groups.map(({ targetGroup, weight }) => ({ TargetGroupArn: targetGroup, Weight: weight }));
    return { ...rest, ForwardConfig: { ...config, TargetGroups: listed } };
  });
}

/** Whether two lists of actions do the same: order of keys, and the short form of one target group, make no difference. */
export function sameActions(one: readonly Action[], other: readonly Action[]): boolean {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

function plain(actions: readonly Action[]): Json {
  const forward = forwardOf(actions);
  const long = forward === null ? actions : withGroups(actions, forward.groups);
  return sorted(
    long.map((action, index) => {
      if (index !== forward?.index) return action;
      const { TargetGroupStickinessConfig: _off, ...config } = action['ForwardConfig'] as JsonObject;
      return forward.sticky ? action : { ...action, ForwardConfig: config };
    }),
  );
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each as Json)]),
  );
}
