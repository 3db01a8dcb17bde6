import type { AwsCalls, Group } from './aws-calls.ts';

/**
 * What a group's new instances are made from, as `template:version`, with the number behind `$Latest` or `$Default`; null when it is made
 * from something other than one launch template, or that version is gone.
 */
export async function revisionOf(
  { templates }: AwsCalls,
  { template }: Group,
  signal: AbortSignal,
): Promise<{ readonly revision: string; readonly version: string } | null> {
  if (template === null) return null;
  // A number is what it is; only `$Latest` and `$Default` have to be looked up, and this is asked every second.
  const version = /^\d+$/.test(template.version) ? template.version : await templates.version(template.id, template.version, signal);
  return version === null ? null : { revision: `${template.name}:${version}`, version };
}
