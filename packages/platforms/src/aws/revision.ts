import type { AwsCalls, Group } from './aws-calls.ts';
import { tagNames } from './our-tags.ts';

/**
 * What a group's new instances are made from, as `template:version`, with the number behind `$Latest` or `$Default`; null when it is made
 * from something other than one launch template, or that version is gone. An arm with a template of its run's own is of the revision that
 * this one was made from.
 */
export async function revisionOf(
  { templates }: AwsCalls,
  { template, tags }: Group,
  signal: AbortSignal,
): Promise<{ readonly revision: string; readonly version: string } | null> {
  if (template === null) return null;
  const from = tags.find((tag) => tag.key === tagNames.revision)?.value;
  if (from !== undefined) return { revision: from, version: template.version };
  // A number is what it is; only `$Latest` and `$Default` have to be looked up, and this is asked every second.
  const version = /^\d+$/.test(template.version) ? template.version : await templates.version(template.id, template.version, signal);
  return version === null ? null : { revision: `${template.name}:${version}`, version };
}
