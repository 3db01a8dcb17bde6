import { dirname, resolve } from 'node:path';
import type { Connections, Deployment, LaunchRecipe, SyntheticIdentity, SyntheticRequest } from '@haldane/core';
import { type EnvironmentMap, readDocument } from '@haldane/documents';
import type { NamedSource } from '../live-sources.ts';
import { manifestSchema } from './manifest.schema.ts';
import type { ManifestFile } from './manifest-file.ts';
import { manifestRules } from './manifest-rules.ts';

/** A manifest in two parts: what may be stored and shown, and how its processes are started, which holds secrets. */
export type Manifest = {
  readonly described: Omit<Deployment, 'revision' | 'pipeline' | 'deployInProgress' | 'release'>;
  /** Which CI/CD system says what is live of it; null: nothing but this file does. */
  readonly pipeline: NamedSource | null;
  /** Where it runs on a platform already: the name that the file gives its cluster; null for a service of this machine. */
  readonly cluster: string | null;
  /** What the file itself says is deployed; null when it leaves that to git. */
  readonly revision: string | null;
  /** Complete but for the revision, which `null` above leaves to the pipeline; null for a service that runs on a platform already. */
  readonly recipe: (revision: string) => LaunchRecipe | null;
  readonly connections: Connections;
};

/**
 * Reads a deployment manifest. `source` is the file's path: `deploy.cwd` is relative to its folder. `env` holds what
 * `${NAME}`, `deploy.secrets` and the secrets of identities may name. Throws `bad-document` with every problem.
 * Values of `deploy.env`, of secrets, and addresses of dependencies go only into the recipe.
 */
export function readManifest({
  text,
  source,
  env,
}: {
  readonly text: string;
  readonly source: string;
  readonly env: EnvironmentMap;
}): Manifest {
  const file = readDocument<ManifestFile>({
    text,
    source,
    what: 'manifest',
    schema: manifestSchema,
    env,
    check: (value) => manifestRules(value, env),
  });
  const ref = { service: file.service, environment: file.environment };
  const { deploy, deployed } = file;
  const route = deployed?.route ?? file.route?.name ?? file.service;
  const intake = file.intake ?? [];
  const [named] = Object.entries(file.pipeline ?? {});
  const connections: Connections = {
    dependencies: file.dependencies.map(({ name, env: variable, as, ca, url }) => ({ name, env: variable, as, ca: ca ?? null, url })),
    intakeOff: Object.assign({}, ...intake.map(({ off }) => off)) as Record<string, string>,
  };
  return {
    connections,
    pipeline: named === undefined ? null : { id: named[0], settings: named[1] },
    cluster: deployed?.cluster ?? null,
    described: {
      ...ref,
      owner: file.owner,
      platform: file.platform,
      source: deployed?.cluster ?? `${file.service}.${file.environment}.production`,
      instances: deploy?.instances ?? 0,
      route,
      dependencies: file.dependencies.map(({ name, env: variable, as, ca }) => ({ name, env: variable, as, ca: ca ?? null })),
      // Variables that turn intake off are environment values like any other: only the recipe holds what they are set to.
      intake: intake.map(({ name, kind, off }) => ({ name, kind, off: Object.fromEntries(Object.keys(off).map((key) => [key, '(set)'])) })),
      intakeDeclared: file.intake !== undefined,
      synthetic: {
        identities: file.synthetic.identities.map(identityOf),
        requests: file.synthetic.requests.map(requestOf),
        jwksUrl: file.synthetic.jwksUrl ?? null,
        heartbeat: file.synthetic.heartbeat ? requestOf(file.synthetic.heartbeat) : null,
      },
      optIn: file.optIn,
      ...(deployed?.withoutHooks === undefined ? {} : { withoutHooks: deployed.withoutHooks }),
    },
    revision: deploy?.revision ?? null,
    recipe: (revision) =>
      deploy === undefined || file.route === undefined
        ? null
        : {
            ...ref,
            revision,
            command: deploy.command,
            cwd: resolve(dirname(source), deploy.cwd),
            env: { ...deploy.env, ...Object.fromEntries(deploy.secrets.map((name) => [name, env[name] ?? ''])) },
            portEnv: deploy.portEnv,
            instanceEnv: deploy.instanceEnv ?? null,
            health: { path: deploy.health.path, withinMs: Math.round(deploy.health.within * 1000) },
            instances: deploy.instances,
            route: { name: route, ...doorOf(file.route) },
            ...connections,
          },
  };
}

function doorOf({ port, trustedProxies, limits }: NonNullable<ManifestFile['route']>): Omit<LaunchRecipe['route'], 'name'> {
  const { headers, request, bodyIdle, answer, keepAlive, ...counts } = limits ?? {};
  const seconds = { headersMs: headers, requestMs: request, bodyIdleMs: bodyIdle, answerMs: answer, keepAliveMs: keepAlive };
  const milliseconds = Object.entries(seconds).flatMap(([name, value]) => (value === undefined ? [] : [[name, Math.round(value * 1000)]]));
  return {
    port,
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    ...(limits === undefined ? {} : { limits: { ...Object.fromEntries(milliseconds), ...counts } }),
  };
}

function identityOf({ name, token }: ManifestFile['synthetic']['identities'][number]): SyntheticIdentity {
  if (token.from === 'static') return { name, token: { from: 'static', valueEnv: token.valueEnv ?? '' } };
  return {
    name,
    token: {
      from: 'client-credentials',
      url: token.url ?? '',
      clientId: token.clientId ?? '',
      clientSecretEnv: token.clientSecretEnv ?? '',
      form: token.form ?? {},
    },
  };
}

function requestOf(request: ManifestFile['synthetic']['requests'][number]): SyntheticRequest {
  return { ...request, body: request.body ?? null, as: request.as ?? null };
}
