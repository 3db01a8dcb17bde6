import type { AwsCalls, Group } from './aws-calls.ts';
import { revisionOf } from './revision.ts';

/**
 * A deploy as the group itself shows it, whoever began it: its instances are being replaced, or run another version of its template than its next
 * instance will. Each in words; empty also when there is no such group, or it is not made from one template.
 */
export async function rolling(calls: AwsCalls, name: string, signal: AbortSignal): Promise<readonly string[]> {
  const group = await calls.groups.group(name, signal);
  if (group === null) return [];
  const [refreshes, live] = await Promise.all([calls.groups.refreshing(name, signal), revisionOf(calls, group, signal)]);
  return [...refreshes, ...(live === null ? [] : besides(group, live.version))];
}

/** A group at `$Latest` is at its newest version at once, and its instances are when they have been replaced. */
function besides({ name, instances }: Group, version: string): readonly string[] {
  const others = [...new Set(instances.map((one) => one.version).filter((one) => one !== version))];
  if (others.length === 0) return [];
  const words = others.map((one) => (one === null ? 'none of its template' : `version ${one}`));
  return [`instances of ${name} still run ${words.join(', ')}, and new ones version ${version}`];
}
