import { hasCode, type JsonObject } from '@haldane/core';
import type { AwsCalls } from './aws-calls.ts';

/** The commit that a launch template's version says its instances are built from; null: it says none. */
export type CommitOf = (templateId: string, version: string, signal: AbortSignal) => Promise<string | null>;

/**
 * Reads of which commit a launch template's version is: the tag that it gives to instances. A version never changes, so its answer is kept; tags of
 * templates, groups and images may change while it stands, and say nothing sure. Null: it says none, or may not be read.
 */
export function commits({ templates }: AwsCalls, tag: string): CommitOf {
  const known = new Map<string, string | null>();
  return async (templateId, version, signal) => {
    const key = `${templateId}:${version}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    try {
      const data = await templates.data(templateId, version, signal);
      // One that is not seen yet may be seen the next time.
      if (data === null) return null;
      const commit = taggedWith(tag, data);
      known.set(key, commit);
      return commit;
    } catch (error) {
      if (!hasCode(error, 'denied')) throw error;
      return null;
    }
  };
}

type Specification = { readonly ResourceType?: string; readonly Tags?: readonly { readonly Key?: string; readonly Value?: string }[] };

function taggedWith(key: string, data: JsonObject): string | null {
  const specifications = (data['TagSpecifications'] ?? []) as readonly Specification[];
  const tags = specifications.filter((one) => one.ResourceType === 'instance').flatMap((one) => one.Tags ?? []);
  return tags.find((one) => one.Key === key)?.Value || null;
}
