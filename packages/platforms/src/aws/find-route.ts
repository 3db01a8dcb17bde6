import { HaldaneError } from '@haldane/core';
import type { AwsCalls, Listener, Rule } from './aws-calls.ts';
import { parseRouteName } from './route-name.ts';

export type FoundRoute = { readonly listener: Listener; readonly rule: Rule; readonly rules: readonly Rule[] };

/** The listener and the rule behind a route's name, as they stand; null when there are none. */
export async function findRoute({ balancing }: AwsCalls, route: string, signal: AbortSignal): Promise<FoundRoute | null> {
  const { loadBalancer, port, priority } = parseRouteName(route);
  const listener = await balancing.listener(loadBalancer, port, signal);
  if (listener === null) return null;
  const rules = await balancing.rules(listener.arn, signal);
  const rule = rules.find((one) => (priority === null ? one.isDefault : one.priority === priority));
  return rule === undefined ? null : { listener, rule, rules };
}

/** The same, or `gone`. */
export async function requireRoute(calls: AwsCalls, route: string, signal: AbortSignal): Promise<FoundRoute> {
  const found = await findRoute(calls, route, signal);
  if (found === null) throw new HaldaneError('gone', `the listener rule ${route} is not there`);
  return found;
}
