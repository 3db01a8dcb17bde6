import { isDeepStrictEqual } from 'node:util';
import {
  AttachRolePolicyCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  DeletePolicyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DetachRolePolicyCommand,
  GetPolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  type IAMClient,
  ListAttachedRolePoliciesCommand,
  ListInstanceProfilesForRoleCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  type Role,
  TagRoleCommand,
} from '@aws-sdk/client-iam';
import { type AllRights, type CollidingRight, HaldaneError, type JsonObject } from '@haldane/core';
import type { Twin, Twins } from '../aws-calls.ts';
import { denyingBoundary, twinPath } from '../names.ts';
import { withoutTags } from '../our-tags.ts';
import { orNull } from './or-null.ts';
import { orUnread } from './or-unread.ts';
import { pages } from './pages.ts';
import { type Policy, policyOf, policyWith } from './policy.ts';
import { listOf } from './templates.ts';
import { asking } from './translate-error.ts';

/** The policy, written into a twin, that stands for the rights which its original has. */
const ownRight = 'haldane-own';
/** Nobody may assume a twin, whatever else says so. */
const nobody = policyWith({ Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' });

/** Roles. Nobody can assume a twin, and a boundary leaves it no right, whatever it is given. */
export function sdkRoles(client: IAMClient): Twins<CollidingRight | AllRights> {
  const ask = <T>(call: string, signal: AbortSignal, made: Promise<T>) => asking('iam', call, signal, made);
  const roleOf = (RoleName: string, signal: AbortSignal): Promise<Role | null> =>
    orNull(async () => (await ask('GetRole', signal, client.send(new GetRoleCommand({ RoleName }), { abortSignal: signal }))).Role ?? null);
  const attached = async (RoleName: string, signal: AbortSignal): Promise<readonly string[]> =>
    pages(async (Marker) => {
      const command = new ListAttachedRolePoliciesCommand({ RoleName, ...(Marker === undefined ? {} : { Marker }) });
      const page = await ask('ListAttachedRolePolicies', signal, client.send(command, { abortSignal: signal }));
      return { items: page.AttachedPolicies?.map(({ PolicyArn = '' }) => PolicyArn), next: page.Marker };
    });
  const written = async (RoleName: string, signal: AbortSignal): Promise<readonly string[]> =>
    pages(async (Marker) => {
      const command = new ListRolePoliciesCommand({ RoleName, ...(Marker === undefined ? {} : { Marker }) });
      const page = await ask('ListRolePolicies', signal, client.send(command, { abortSignal: signal }));
      return { items: page.PolicyNames, next: page.Marker };
    });
  const policyIn = (RoleName: string, PolicyName: string, signal: AbortSignal): Promise<Policy | null> =>
    orNull(async () => {
      const made = client.send(new GetRolePolicyCommand({ RoleName, PolicyName }), { abortSignal: signal });
      return policyOf((await ask('GetRolePolicy', signal, made)).PolicyDocument);
    });
  const write = async (RoleName: string, PolicyName: string, policy: Policy, signal: AbortSignal): Promise<void> => {
    const command = new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: JSON.stringify(policy) });
    await ask('PutRolePolicy', signal, client.send(command, { abortSignal: signal }));
  };
  const unwrite = async (RoleName: string, PolicyName: string, signal: AbortSignal): Promise<unknown> =>
    orNull(() =>
      ask('DeleteRolePolicy', signal, client.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }), { abortSignal: signal })),
    );
  const detach = async (RoleName: string, PolicyArn: string, signal: AbortSignal): Promise<unknown> =>
    orNull(() =>
      ask('DetachRolePolicy', signal, client.send(new DetachRolePolicyCommand({ RoleName, PolicyArn }), { abortSignal: signal })),
    );
  const lacks = async ({ id, name }: Twin, signal: AbortSignal) => {
    const made = () => ask('GetPolicy', signal, client.send(new GetPolicyCommand({ PolicyArn: ownPolicy(id) }), { abortSignal: signal }));
    return { right: (await policyIn(name, ownRight, signal)) === null, policy: (await orNull(made)) === null };
  };
  const find = async (name: string, signal: AbortSignal): Promise<Twin | null> => {
    const role = await roleOf(name, signal);
    return role === null ? null : twinOf(role);
  };
  const isOn = async (twin: Twin, fault: CollidingRight | AllRights, signal: AbortSignal): Promise<boolean> => {
    if (fault.mode === 'all-rights') return (await orNull(() => attached(twin.name, signal)))?.includes(attachedBy(fault, twin)) ?? false;
    return isDeepStrictEqual(await policyIn(twin.name, `haldane-${fault.effect}`, signal), colliding(fault, twin));
  };

  return {
    word: 'role',
    find,
    async original(like, signal) {
      const role = await roleOf(like, signal);
      if (role === null) return null;
      const rights = (await attached(like, signal)).length + (await written(like, signal)).length;
      const twin = twinOf(role);
      return {
        ...twin,
        settings: { longest: role.MaxSessionDuration ?? 3600 },
        differs: [
          'its name',
          ...(role.Path === twinPath ? [] : [`its path is ${twinPath}`]),
          ...withoutTags(twin.tags),
          'nobody can assume it, and nothing uses it',
          'a boundary leaves it no right, whatever it is given',
          ...(rights === 0 ? [] : [`it is without the policies of ${like} (${rights}), and has one of its own in their place`]),
        ],
      };
    },
    async tagged(key, signal) {
      const roles = await pages(async (Marker) => {
        const command = new ListRolesCommand({ PathPrefix: twinPath, ...(Marker === undefined ? {} : { Marker }) });
        const page = await ask('ListRoles', signal, client.send(command, { abortSignal: signal }));
        return { items: page.Roles, next: page.Marker };
      });
      // A list of roles comes without their tags.
      const found = await Promise.all(roles.map(({ RoleName = '' }) => orUnread(RoleName, signal, () => find(RoleName, signal))));
      return found.filter((one) => one !== null).filter((one) => 'why' in one || one.tags[key] !== undefined);
    },
    async add(RoleName, { name, settings }, tags, signal) {
      const command = new CreateRoleCommand({
        RoleName,
        Path: twinPath,
        Description: `Twin of ${name} for an experiment by Haldane; nobody can assume it`,
        AssumeRolePolicyDocument: JSON.stringify(nobody),
        PermissionsBoundary: denyingBoundary,
        MaxSessionDuration: Number(settings['longest']),
        Tags: listOf(tags),
      });
      await ask('CreateRole', signal, client.send(command, { abortSignal: signal }));
    },
    async lacks(twin, _original, signal) {
      const lacking = await lacks(twin, signal);
      return [...(lacking.right ? ['it lacks a right'] : []), ...(lacking.policy ? ['its own policy of all rights is not there'] : [])];
    },
    async equip(twin, _original, signal) {
      const lacking = await lacks(twin, signal);
      if (lacking.right) await write(twin.name, ownRight, policyWith(rightOf(twin)), signal);
      if (!lacking.policy) return;
      const command = new CreatePolicyCommand({
        PolicyName: twin.name,
        Path: twinPath,
        PolicyDocument: JSON.stringify(policyWith({ ...rightOf(twin), Action: '*' })),
        Tags: listOf(twin.tags),
      });
      await ask('CreatePolicy', signal, client.send(command, { abortSignal: signal }));
    },
    async remove({ id, name }, signal) {
      await orNull(async () => {
        for (const policy of await written(name, signal)) await unwrite(name, policy, signal);
        for (const arn of await attached(name, signal)) await detach(name, arn, signal);
      });
      await orNull(() =>
        ask('DeletePolicy', signal, client.send(new DeletePolicyCommand({ PolicyArn: ownPolicy(id) }), { abortSignal: signal })),
      );
      // Last, for by it the others are found.
      await orNull(() => ask('DeleteRole', signal, client.send(new DeleteRoleCommand({ RoleName: name }), { abortSignal: signal })));
    },
    async setTags({ name }, tags, signal) {
      await ask('TagRole', signal, client.send(new TagRoleCommand({ RoleName: name, Tags: listOf(tags) }), { abortSignal: signal }));
    },
    async behind({ name }, signal) {
      const role = await roleOf(name, signal);
      if (role === null) return null;
      if (!isDeepStrictEqual(policyOf(role.AssumeRolePolicyDocument), nobody)) return 'somebody has changed who can assume it';
      if (role.PermissionsBoundary?.PermissionsBoundaryArn !== denyingBoundary) return 'somebody has taken its boundary away';
      const used = role.RoleLastUsed?.LastUsedDate;
      if (used !== undefined) return `it was used at ${used.toISOString()}`;
      const made = client.send(new ListInstanceProfilesForRoleCommand({ RoleName: name }), { abortSignal: signal });
      const [profile] = (await ask('ListInstanceProfilesForRole', signal, made)).InstanceProfiles ?? [];
      return profile === undefined ? null : `instance profile ${profile.InstanceProfileName ?? ''} carries it`;
    },
    hinders: () => Promise.resolve(null),
    before: async (twin, fault, signal) => ({ wasOn: await isOn(twin, fault, signal) }),
    async put(twin, fault, signal) {
      if (fault.mode === 'colliding-right') return write(twin.name, `haldane-${fault.effect}`, colliding(fault, twin), signal);
      const command = new AttachRolePolicyCommand({ RoleName: twin.name, PolicyArn: attachedBy(fault, twin) });
      await ask('AttachRolePolicy', signal, client.send(command, { abortSignal: signal }));
    },
    async take(twin, fault, { wasOn }, signal) {
      if (wasOn === true || !(await isOn(twin, fault, signal))) return;
      if (fault.mode === 'all-rights') await detach(twin.name, attachedBy(fault, twin), signal);
      else await unwrite(twin.name, `haldane-${fault.effect}`, signal);
    },
    isOn,
    isBack: async (twin, fault, { wasOn }, signal) => wasOn === true || !(await isOn(twin, fault, signal)),
    async superseded(twin, fault, _before, signal) {
      if (fault.mode === 'all-rights') return null;
      const standing = await policyIn(twin.name, `haldane-${fault.effect}`, signal);
      if (standing === null || isDeepStrictEqual(standing, colliding(fault, twin))) return null;
      return `its policy haldane-${fault.effect} was written by somebody else, and was kept`;
    },
  };
}

/** A right to what is not there: a bucket by the twin's name. */
function rightOf({ name }: Twin): JsonObject {
  return { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${name}-nothing/*` };
}

function colliding({ effect }: CollidingRight, twin: Twin): Policy {
  return policyWith({ ...rightOf(twin), Effect: effect === 'deny' ? 'Deny' : 'Allow' });
}

function attachedBy({ to }: AllRights, { id }: Twin): string {
  return { account: 'arn:aws:iam::aws:policy/AdministratorAccess', own: ownPolicy(id), nothing: denyingBoundary }[to];
}

/** The policy that a twin has of its own is called as the role is. */
function ownPolicy(roleArn: string): string {
  return roleArn.replace(':role/', ':policy/');
}

function twinOf({ Arn: id = '', RoleName: name, Tags = [] }: Role): Twin {
  if (name === undefined) throw new HaldaneError('unavailable', 'AWS iam told of a role without a name');
  return { id, name, tags: Object.fromEntries(Tags.map((tag) => [tag.Key ?? '', tag.Value ?? ''])) };
}
