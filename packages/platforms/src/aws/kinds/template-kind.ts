import { isDeepStrictEqual } from 'node:util';
import { type Arm, type ChangeKind, type Connections, HaldaneError, type JsonObject } from '@haldane/core';
import type { SidecarOrder } from '@haldane/dataplane';
import { originOf, partsOf } from '../../rewire-url.ts';
import type { AwsWorld } from '../aws-world.ts';
import { proxyName } from '../names.ts';
import { ourTags } from '../our-tags.ts';
import { findOrMake, ownTemplate } from '../own.ts';
import { revisionOf } from '../revision.ts';
import { withSidecar } from '../user-data.ts';

export type TemplateParams = {
  readonly runId: string;
  readonly arm: Arm;
  readonly name: string;
  /** Production's group, whose template version this one is made like. */
  readonly source: string;
  readonly revision: string;
  readonly route: string;
};

/**
 * A launch template of an arm's own: production's version, and before its user data a sidecar. Never another version of production's
 * template, for whatever follows `$Latest` would launch from it. Its token stands only in it, and is destroyed with it.
 */
export function templateKind(world: AwsWorld): ChangeKind<TemplateParams, null> {
  const { calls, expiresFor } = world;
  return {
    kind: 'aws.template',
    capture: () => Promise.resolve(null),
    async apply(params, _before, signal) {
      const { runId, arm, name } = params;
      let wanted: JsonObject | null = null;
      const made = await findOrMake(
        `the launch template ${name}`,
        () => ownTemplate(calls, name, runId, signal),
        async () => {
          wanted = await dataOf(world, params, signal);
          await calls.templates.addTemplate(name, wanted, ourTags(runId, arm, expiresFor(runId)), signal);
        },
      );
      const seen = wanted === null ? null : await calls.templates.data(made.id, '1', signal);
      if (!isDeepStrictEqual(seen, wanted))
        throw new HaldaneError('conflict', `the launch template ${name} does not hold what was written into it`);
    },
    async revert({ name, runId }, _before, signal) {
      const own = await ownTemplate(calls, name, runId, signal);
      if (own !== null) await calls.templates.removeTemplate(own.id, signal);
    },
    isReverted: async ({ name, runId }, _before, signal) => (await ownTemplate(calls, name, runId, signal)) === null,
  };
}

async function dataOf(
  { calls, sidecars, connections, random }: AwsWorld,
  params: TemplateParams,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { source, revision, runId, arm } = params;
  if (sidecars === null)
    throw new HaldaneError('refused', 'no sidecar is configured: say in HALDANE_AWS_SIDECAR how an instance starts one');
  const production = await calls.groups.group(source, signal);
  const live = production === null ? null : await revisionOf(calls, production, signal);
  if (production?.template == null || live?.revision !== revision)
    throw new HaldaneError(
      'conflict',
      `production ${source} is at ${live?.revision ?? 'no template version'} now, not at ${revision}: plan again`,
    );
  const data = await calls.templates.data(production.template.id, live.version, signal);
  if (data === null) throw new HaldaneError('gone', `version ${live.version} of the launch template of ${source} is not there`);
  const userData = data['UserData'];
  const order = orderOf(await connections(runId, signal), runId, arm, {
    token: Buffer.from(random(32)).toString('hex'),
    adminPort: sidecars.port,
  });
  return { ...data, UserData: withSidecar(typeof userData === 'string' ? userData : null, order, sidecars.start) };
}

/** TLS begins at the sidecar: the instance speaks plain HTTP to it, over its own loopback. */
function orderOf(
  { dependencies, intakeOff }: Connections,
  runId: string,
  arm: Arm,
  place: Pick<SidecarOrder, 'token' | 'adminPort'>,
): SidecarOrder {
  const proxies = dependencies.map(({ name: dependency, env: variable, as, url }) => {
    const { scheme, rest, credentials } = partsOf(url);
    if (credentials !== '')
      throw new HaldaneError(
        'refused',
        `the address of dependency ${dependency} holds a password, which would stand in the arms' user data: give it to the service in another variable`,
      );
    const speaks = as === 'tcp' ? ('tcp' as const) : ('http' as const);
    return {
      proxy: proxyName(runId, arm, dependency),
      runId,
      arm,
      dependency,
      as: speaks,
      target: originOf(url, as),
      variable,
      scheme: as === 'tcp' ? scheme : 'http',
      rest,
    };
  });
  return { ...place, proxies, variables: intakeOff };
}
