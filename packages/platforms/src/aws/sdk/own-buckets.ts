import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { Tags, Twin, Unread } from '../aws-calls.ts';
import { orNull } from './or-null.ts';
import { orUnread } from './or-unread.ts';
import { pages } from './pages.ts';
import { type Policy, policyOf } from './policy.ts';
import { listOf } from './templates.ts';
import { asking } from './translate-error.ts';

export type OwnBuckets = ReturnType<typeof ownBuckets>;

/**
 * Buckets of this account and region. They are looked for in its own list: the world shares one space of names, and a bucket of that name may be anybody's.
 * Errors as with LoadBalancing.
 */
export function ownBuckets(client: S3Client, region: string) {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('s3', call, signal, made);
  const names = async (Prefix: string, signal: AbortSignal): Promise<readonly string[]> =>
    pages(async (ContinuationToken) => {
      const command = new ListBucketsCommand({
        Prefix,
        BucketRegion: region,
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
      });
      const page = await ask('ListBuckets', signal, client.send(command, { abortSignal: signal }));
      const items = (page.Buckets ?? []).flatMap(({ Name = '' }) => (Name.startsWith(Prefix) ? [Name] : []));
      return { items, next: page.ContinuationToken };
    });
  const tags = async (Bucket: string, signal: AbortSignal): Promise<Tags | null> =>
    orNull(async () => {
      const { TagSet = [] } = await ask(
        'GetBucketTagging',
        signal,
        client.send(new GetBucketTaggingCommand({ Bucket }), { abortSignal: signal }),
      );
      return Object.fromEntries(TagSet.map((tag) => [tag.Key ?? '', tag.Value ?? '']));
    });
  const objects = (Bucket: string, signal: AbortSignal): Promise<readonly string[]> =>
    pages(async (ContinuationToken) => {
      const command = new ListObjectsV2Command({ Bucket, ...(ContinuationToken === undefined ? {} : { ContinuationToken }) });
      const page = await ask('ListObjectsV2', signal, client.send(command, { abortSignal: signal }));
      return { items: page.Contents?.map(({ Key = '' }) => Key), next: page.NextContinuationToken };
    });
  const find = async (name: string, signal: AbortSignal): Promise<Twin | null> =>
    (await names(name, signal)).includes(name) ? { id: `arn:aws:s3:::${name}`, name, tags: (await tags(name, signal)) ?? {} } : null;

  return {
    client,
    find,
    /** Those of runs, that carry this tag, and those that cannot be read, which hide none of the others. */
    async tagged(key: string, signal: AbortSignal): Promise<readonly (Twin | Unread)[]> {
      const found: (Twin | Unread)[] = [];
      for (const name of await names('haldane-', signal)) {
        const read = async (): Promise<Twin> => ({ id: `arn:aws:s3:::${name}`, name, tags: (await tags(name, signal)) ?? {} });
        const one = await orUnread(name, signal, read);
        if ('why' in one || one.tags[key] !== undefined) found.push(one);
      }
      return found;
    },
    async add(Bucket: string, own: Tags, signal: AbortSignal): Promise<void> {
      const where = region === 'us-east-1' ? {} : { LocationConstraint: region as BucketLocationConstraint };
      const command = new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { ...where, Tags: listOf(own) } });
      await ask('CreateBucket', signal, client.send(command, { abortSignal: signal }));
    },
    /** These beside those that it has: S3 writes all of them at once. */
    async setTags(Bucket: string, given: Tags, signal: AbortSignal): Promise<void> {
      const TagSet = listOf({ ...(await tags(Bucket, signal)), ...given });
      const command = new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } });
      await ask('PutBucketTagging', signal, client.send(command, { abortSignal: signal }));
    },
    objects,
    /** With those of its objects that are `ours`; any other keeps it. */
    async remove(Bucket: string, ours: (key: string) => boolean, signal: AbortSignal): Promise<void> {
      await orNull(async () => {
        for (const Key of (await objects(Bucket, signal)).filter(ours))
          await ask('DeleteObject', signal, client.send(new DeleteObjectCommand({ Bucket, Key }), { abortSignal: signal }));
        await ask('DeleteBucket', signal, client.send(new DeleteBucketCommand({ Bucket }), { abortSignal: signal }));
      });
    },
    policy: (Bucket: string, signal: AbortSignal): Promise<Policy | null> =>
      orNull(async () => {
        const command = new GetBucketPolicyCommand({ Bucket });
        return policyOf((await ask('GetBucketPolicy', signal, client.send(command, { abortSignal: signal }))).Policy);
      }),
    async setPolicy(Bucket: string, policy: Policy, signal: AbortSignal): Promise<void> {
      // AWS takes no policy without a statement.
      if (policy.Statement.length === 0) {
        await ask('DeleteBucketPolicy', signal, client.send(new DeleteBucketPolicyCommand({ Bucket }), { abortSignal: signal }));
        return;
      }
      const command = new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) });
      await ask('PutBucketPolicy', signal, client.send(command, { abortSignal: signal }));
    },
  };
}
