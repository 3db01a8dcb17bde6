import {
  AddTagsCommand,
  type CloudTrailClient,
  CreateTrailCommand,
  DeleteTrailCommand,
  DescribeTrailsCommand,
  GetEventSelectorsCommand,
  GetTrailCommand,
  GetTrailStatusCommand,
  ListTagsCommand,
  PutEventSelectorsCommand,
  StartLoggingCommand,
  StopLoggingCommand,
  type Trail,
  UpdateTrailCommand,
} from '@aws-sdk/client-cloudtrail';
import { arms, HaldaneError, type JsonObject, type StoppedTrail } from '@haldane/core';
import type { Original, Twin, Twins } from '../aws-calls.ts';
import { twinName } from '../names.ts';
import { withoutTags } from '../our-tags.ts';
import { orNull } from './or-null.ts';
import type { OwnBuckets } from './own-buckets.ts';
import { policyWith } from './policy.ts';
import { listOf } from './templates.ts';
import { asking } from './translate-error.ts';

/** AWS: so many trails may stand in one region. */
const mostTrails = 5;
const bucketOf = (name: string): string => `${name}-log`;

/**
 * Audit trails of CloudTrail. A trail needs a bucket, so a twin is a bucket by its name first, with its tags, and by that it is found until the last;
 * then a trail of one region that records only what happens in a bucket that is not there: nothing.
 */
export function sdkTrails(client: CloudTrailClient, buckets: OwnBuckets): Twins<StoppedTrail> {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('cloudtrail', call, signal, made);
  const trailOf = (Name: string, signal: AbortSignal): Promise<Trail | null> =>
    orNull(async () => (await ask('GetTrail', signal, client.send(new GetTrailCommand({ Name }), { abortSignal: signal }))).Trail ?? null);
  /** Null: there is no trail. */
  const isRecording = (Name: string, signal: AbortSignal): Promise<boolean | null> =>
    orNull(async () => {
      const made = client.send(new GetTrailStatusCommand({ Name }), { abortSignal: signal });
      return (await ask('GetTrailStatus', signal, made)).IsLogging ?? false;
    });
  const recordsNothing = async (TrailName: string, signal: AbortSignal): Promise<boolean> => {
    const made = client.send(new GetEventSelectorsCommand({ TrailName }), { abortSignal: signal });
    const { EventSelectors = [], AdvancedEventSelectors = [] } = await ask('GetEventSelectors', signal, made);
    const [only, ...more] = AdvancedEventSelectors;
    const where = only?.FieldSelectors?.find(({ Field }) => Field === 'resources.ARN')?.StartsWith ?? [];
    return EventSelectors.length === 0 && more.length === 0 && where.join() === nothing(TrailName);
  };
  const lacks = async ({ name }: Twin, signal: AbortSignal) => {
    const [trail, policy] = await Promise.all([trailOf(name, signal), buckets.policy(bucketOf(name), signal)]);
    return {
      policy: policy === null,
      trail: trail === null,
      selectors: trail === null || !(await recordsNothing(name, signal)),
      recording: trail === null || (await isRecording(name, signal)) !== true,
    };
  };
  const start = async (Name: string, signal: AbortSignal): Promise<void> => {
    await ask('StartLogging', signal, client.send(new StartLoggingCommand({ Name }), { abortSignal: signal }));
  };
  const sign = async (Name: string, EnableLogFileValidation: boolean, signal: AbortSignal): Promise<void> => {
    await ask('UpdateTrail', signal, client.send(new UpdateTrailCommand({ Name, EnableLogFileValidation }), { abortSignal: signal }));
  };
  const isSigned = async (name: string, signal: AbortSignal): Promise<boolean | null> => {
    const trail = await trailOf(name, signal);
    return trail === null ? null : (trail.LogFileValidationEnabled ?? false);
  };
  const ownerOf = (bucket: string): string => bucket.replace(/-log$/, '');
  const twinOf = ({ name, tags }: Twin): Twin => ({ id: ownerOf(name), name: ownerOf(name), tags });
  const now = ({ name }: Twin, { by }: StoppedTrail, signal: AbortSignal): Promise<boolean | null> =>
    by === 'stopping' ? isRecording(name, signal) : isSigned(name, signal);

  return {
    word: 'audit trail',
    async find(name, signal) {
      const bucket = await buckets.find(bucketOf(name), signal);
      return bucket === null ? null : twinOf(bucket);
    },
    async original(like, signal) {
      const trail = await trailOf(like, signal);
      const { TrailARN: id, Name: name } = trail ?? {};
      if (trail === null || id === undefined || name === undefined) return null;
      const made = client.send(new ListTagsCommand({ ResourceIdList: [id] }), { abortSignal: signal });
      const told = (await ask('ListTags', signal, made)).ResourceTagList?.[0]?.TagsList ?? [];
      const tags = Object.fromEntries(told.map((tag) => [tag.Key ?? '', tag.Value ?? '']));
      return {
        id,
        name,
        tags,
        settings: { account: id.split(':')[4] ?? '', region: id.split(':')[3] ?? '' },
        differs: [
          'its name',
          ...withoutTags(tags),
          'it records nothing, into a bucket of its own',
          ...(trail.IsMultiRegionTrail === true ? ['it is of one region'] : []),
          ...(trail.IsOrganizationTrail === true ? ["it is not the organization's"] : []),
          ...(trail.CloudWatchLogsLogGroupArn === undefined ? [] : ['it writes into no log group']),
        ],
      };
    },
    tagged: async (key, signal) =>
      (await buckets.tagged(key, signal))
        .filter(({ name }) => name.endsWith('-log'))
        .map((one) => ('why' in one ? { ...one, name: ownerOf(one.name) } : twinOf(one))),
    add: (name, _original, tags, signal) => buckets.add(bucketOf(name), tags, signal),
    async lacks(twin, _original, signal) {
      const lacking = await lacks(twin, signal);
      return [
        ...(lacking.policy ? ['its bucket does not let it in'] : []),
        ...(lacking.trail ? ['it is a bucket only, and no trail'] : []),
        ...(!lacking.trail && lacking.selectors ? ['it would record what happens in the account'] : []),
        ...(!lacking.trail && lacking.recording ? ['it does not record'] : []),
      ];
    },
    async equip(twin, original, signal) {
      const { name, tags } = twin;
      const lacking = await lacks(twin, signal);
      if (lacking.policy) await buckets.setPolicy(bucketOf(name), lettingIn(name, original), signal);
      if (lacking.trail) {
        const command = new CreateTrailCommand({
          Name: name,
          S3BucketName: bucketOf(name),
          IsMultiRegionTrail: false,
          IncludeGlobalServiceEvents: false,
          EnableLogFileValidation: false,
          TagsList: listOf(tags),
        });
        await ask('CreateTrail', signal, client.send(command, { abortSignal: signal }));
      }
      // Before it records: it begins with whatever happens in the account.
      if (lacking.selectors) {
        const command = new PutEventSelectorsCommand({ TrailName: name, AdvancedEventSelectors: [selecting(name)] });
        await ask('PutEventSelectors', signal, client.send(command, { abortSignal: signal }));
      }
      if (lacking.recording) await start(name, signal);
    },
    async remove({ name }, signal) {
      const command = new DeleteTrailCommand({ Name: name });
      const deleted = await orNull(() => ask('DeleteTrail', signal, client.send(command, { abortSignal: signal })));
      // By its bucket the twin is found: without it nobody would look for the trail again.
      if (deleted === null && (await trailOf(name, signal)) !== null)
        throw new HaldaneError('unavailable', `the audit trail ${name} was said not to be there, and is`);
      // A trail writes there when it is made, that it can. What else somebody has put there keeps the bucket.
      await buckets.remove(bucketOf(name), (key) => key.startsWith('AWSLogs/'), signal);
    },
    async setTags({ name }, tags, signal) {
      await buckets.setTags(bucketOf(name), tags, signal);
      const ResourceId = (await trailOf(name, signal))?.TrailARN;
      if (ResourceId === undefined) return;
      await ask('AddTags', signal, client.send(new AddTagsCommand({ ResourceId, TagsList: listOf(tags) }), { abortSignal: signal }));
    },
    async behind({ name }, signal) {
      if ((await isRecording(name, signal)) !== true) return null;
      return (await recordsNothing(name, signal)) ? null : 'somebody lets it record what happens in the account';
    },
    async hinders(_fault, runId, signal) {
      const own = arms.map((arm) => twinName(runId, arm));
      const made = client.send(new DescribeTrailsCommand({}), { abortSignal: signal });
      const { trailList = [] } = await ask('DescribeTrails', signal, made);
      const others = trailList.filter(({ Name = '' }) => !own.includes(Name)).length;
      return others + 2 > mostTrails
        ? `there are ${others} audit trails in this region; AWS allows ${mostTrails}, and the twins are two more`
        : null;
    },
    before: async (twin, fault, signal): Promise<JsonObject> => ({ was: await now(twin, fault, signal) }),
    async put({ name }, { by }, signal) {
      if (by === 'signing') return sign(name, true, signal);
      await ask('StopLogging', signal, client.send(new StopLoggingCommand({ Name: name }), { abortSignal: signal }));
    },
    async take(twin, fault, { was }, signal) {
      const is = await now(twin, fault, signal);
      if (is === null || is === was) return;
      if (fault.by === 'stopping') await start(twin.name, signal);
      else await sign(twin.name, false, signal);
    },
    async isOn(twin, fault, signal) {
      return (await now(twin, fault, signal)) === (fault.by === 'signing');
    },
    async isBack(twin, fault, { was }, signal) {
      const is = await now(twin, fault, signal);
      return is === null || is === was || is !== (fault.by === 'signing');
    },
    // It is on or off: what somebody else can set it to is what it was before, or what we wrote.
    superseded: () => Promise.resolve(null),
  };
}

function nothing(name: string): string {
  return `arn:aws:s3:::${name}-nothing/`;
}

function selecting(name: string) {
  return {
    Name: 'what is not there',
    FieldSelectors: [
      { Field: 'eventCategory', Equals: ['Data'] },
      { Field: 'resources.type', Equals: ['AWS::S3::Object'] },
      { Field: 'resources.ARN', StartsWith: [nothing(name)] },
    ],
  };
}

/** What CloudTrail asks of a bucket, for this trail only. */
function lettingIn(name: string, { settings }: Original) {
  const Principal = { Service: 'cloudtrail.amazonaws.com' };
  const trail = { 'aws:SourceArn': `arn:aws:cloudtrail:${String(settings['region'])}:${String(settings['account'])}:trail/${name}` };
  const bucket = `arn:aws:s3:::${bucketOf(name)}`;
  return policyWith(
    { Effect: 'Allow', Principal, Action: 's3:GetBucketAcl', Resource: bucket, Condition: { StringEquals: trail } },
    {
      Effect: 'Allow',
      Principal,
      Action: 's3:PutObject',
      Resource: `${bucket}/AWSLogs/${String(settings['account'])}/*`,
      Condition: { StringEquals: { 's3:x-amz-acl': 'bucket-owner-full-control', ...trail } },
    },
  );
}
