import { isDeepStrictEqual } from 'node:util';
import {
  DeletePublicAccessBlockCommand,
  GetPublicAccessBlockCommand,
  type PublicAccessBlockConfiguration,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { GetPublicAccessBlockCommand as GetAccountBlockCommand, type S3ControlClient } from '@aws-sdk/client-s3-control';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { JsonObject, OpenBucket } from '@haldane/core';
import type { Twin, Twins } from '../aws-calls.ts';
import { withoutTags } from '../our-tags.ts';
import { orNull } from './or-null.ts';
import type { OwnBuckets } from './own-buckets.ts';
import { type Policy, policyWith } from './policy.ts';
import { asking } from './translate-error.ts';

/** The one object in a twin: without content. */
const canary = 'canary';
const everybody = '0.0.0.0/0';
const whole: Required<PublicAccessBlockConfiguration> = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

/** Buckets. A twin holds one object without content, and public access to it is blocked until the fault is made. */
export function sdkBuckets(buckets: OwnBuckets, accounts: S3ControlClient, callers: STSClient): Twins<OpenBucket> {
  const { client } = buckets;
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('s3', call, signal, made);
  const blockOf = (Bucket: string, signal: AbortSignal): Promise<PublicAccessBlockConfiguration | null> =>
    orNull(async () => {
      const made = client.send(new GetPublicAccessBlockCommand({ Bucket }), { abortSignal: signal });
      return (await ask('GetPublicAccessBlock', signal, made)).PublicAccessBlockConfiguration ?? {};
    });
  const block = async (
    Bucket: string,
    PublicAccessBlockConfiguration: PublicAccessBlockConfiguration,
    signal: AbortSignal,
  ): Promise<void> => {
    const command = new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration });
    await ask('PutPublicAccessBlock', signal, client.send(command, { abortSignal: signal }));
  };
  const lacks = async ({ name }: Twin, signal: AbortSignal) => ({
    object: !(await buckets.objects(name, signal)).includes(canary),
    block: (await blockOf(name, signal)) === null,
  });
  const now = async ({ name }: Twin, signal: AbortSignal) => {
    const [policy, standing] = await Promise.all([buckets.policy(name, signal), blockOf(name, signal)]);
    return { policy, block: standing };
  };

  return {
    word: 'bucket',
    find: buckets.find,
    async original(like, signal) {
      const found = await buckets.find(like, signal);
      if (found === null) return null;
      const isWhole = isDeepStrictEqual({ ...(await blockOf(like, signal)) }, whole);
      return {
        ...found,
        settings: {},
        differs: [
          'its name',
          ...withoutTags(found.tags),
          'it holds one object without content, and nothing else',
          'it is without a policy of its own, and its encryption, logging and versions are what the account gives to a new bucket',
          ...(isWhole ? [] : [`public access to it is blocked, and to ${like} not wholly`]),
        ],
      };
    },
    async tagged(key, signal) {
      return (await buckets.tagged(key, signal)).filter(({ name }) => !name.endsWith('-log'));
    },
    add: (name, _original, tags, signal) => buckets.add(name, tags, signal),
    async lacks(twin, _original, signal) {
      const lacking = await lacks(twin, signal);
      return [
        ...(lacking.block ? ['public access to it is not blocked'] : []),
        ...(lacking.object ? [`it lacks the object ${canary}`] : []),
      ];
    },
    async equip(twin, _original, signal) {
      const lacking = await lacks(twin, signal);
      if (lacking.block) await block(twin.name, whole, signal);
      const command = new PutObjectCommand({ Bucket: twin.name, Key: canary, Body: new Uint8Array(), ContentLength: 0 });
      if (lacking.object) await ask('PutObject', signal, client.send(command, { abortSignal: signal }));
    },
    remove: ({ name }, signal) => buckets.remove(name, (key) => key === canary, signal),
    setTags: ({ name }, tags, signal) => buckets.setTags(name, tags, signal),
    async behind({ name }, signal) {
      const foreign = (await buckets.objects(name, signal)).find((key) => key !== canary);
      return foreign === undefined ? null : `somebody has put ${foreign} into it`;
    },
    async hinders({ to }, _runId, signal) {
      if (to !== everybody) return null;
      const { Account: AccountId } = await asking(
        'sts',
        'GetCallerIdentity',
        signal,
        callers.send(new GetCallerIdentityCommand({}), { abortSignal: signal }),
      );
      const standing = await orNull(async () => {
        const made = accounts.send(new GetAccountBlockCommand({ AccountId }), { abortSignal: signal });
        return (await asking('s3control', 'GetPublicAccessBlock', signal, made)).PublicAccessBlockConfiguration ?? {};
      });
      return standing?.BlockPublicPolicy === true || standing?.RestrictPublicBuckets === true
        ? `the account blocks public access to all of its buckets, so none can be opened to everybody: that is the best answer to this scenario, and Haldane does not touch it; write to: documentation`
        : null;
    },
    async before(twin, _fault, signal) {
      return (await now(twin, signal)) as unknown as JsonObject;
    },
    async put(twin, fault, signal) {
      const { policy, block: standing } = await now(twin, signal);
      if (fault.to !== null && standing !== null)
        await ask(
          'DeletePublicAccessBlock',
          signal,
          client.send(new DeletePublicAccessBlockCommand({ Bucket: twin.name }), { abortSignal: signal }),
        );
      const others = without(policy, fault, twin);
      await buckets.setPolicy(twin.name, { ...others, Statement: [...others.Statement, statementOf(fault, twin)] }, signal);
    },
    async take(twin, fault, before, signal) {
      const { policy, block: standing } = await now(twin, signal);
      if (holds(policy, fault, twin)) await buckets.setPolicy(twin.name, without(policy, fault, twin), signal);
      const was = before['block'] as PublicAccessBlockConfiguration | null;
      if (fault.to !== null && was !== null && standing === null) await block(twin.name, was, signal);
    },
    async isOn(twin, fault, signal) {
      const { policy, block: standing } = await now(twin, signal);
      const isBlocked = fault.to !== null && standing?.RestrictPublicBuckets === true;
      return !isBlocked && (policy?.Statement.some((one) => isDeepStrictEqual(one, statementOf(fault, twin))) ?? false);
    },
    async isBack(twin, fault, before, signal) {
      const { policy, block: standing } = await now(twin, signal);
      return !holds(policy, fault, twin) && (fault.to === null || before['block'] === null || standing !== null);
    },
    async superseded(twin, fault, before, signal) {
      const { policy, block: standing } = await now(twin, signal);
      const isBlockTheirs = fault.to !== null && !isDeepStrictEqual(standing && { ...standing }, before['block']);
      const theirs = [
        ...(isDeepStrictEqual(policy, before['policy']) ? [] : ['its policy']),
        ...(isBlockTheirs ? ['what blocks public access to it'] : []),
      ];
      return theirs.length === 0
        ? null
        : `${theirs.join(', and ')} was set by somebody else, and was kept without the statement of the run`;
    },
  };
}

/** Ours is told from others' statements in the policy by its name. */
function statementOf({ to }: OpenBucket, { name }: Twin): JsonObject {
  const common = { Principal: '*', Resource: `arn:aws:s3:::${name}/*` };
  if (to === null)
    return { Sid: 'HaldaneHarmless', Effect: 'Deny', ...common, Action: 's3:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
  const condition = to === everybody ? {} : { Condition: { IpAddress: { 'aws:SourceIp': to } } };
  return { Sid: 'HaldaneOpen', Effect: 'Allow', ...common, Action: 's3:GetObject', ...condition };
}

function holds(policy: Policy | null, fault: OpenBucket, twin: Twin): boolean {
  return policy?.Statement.some(({ Sid }) => Sid === statementOf(fault, twin)['Sid']) ?? false;
}

function without(policy: Policy | null, fault: OpenBucket, twin: Twin): Policy {
  const { Statement, ...rest } = policy ?? policyWith();
  return { ...rest, Statement: Statement.filter(({ Sid }) => Sid !== statementOf(fault, twin)['Sid']) };
}
