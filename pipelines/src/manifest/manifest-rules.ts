import { type EnvironmentMap, type Finding, nearest } from '@haldane/documents';
import type { ManifestFile } from './manifest-file.ts';

type Keys = readonly (string | number)[];

/** What a manifest must be beside what its schema says: names that agree with each other, and secrets that are there. */
export function manifestRules(file: ManifestFile, env: EnvironmentMap): readonly Finding[] {
  return [
    ...placeRules(file),
    ...pipelineRules(file, env),
    ...variableRules(file, env),
    ...dependencyRules(file),
    ...addressRules(file),
    ...identityRules(file, env),
    ...requestRules(file),
  ];
}

function value(keys: Keys, message: string): Finding {
  return { keys, message, about: 'value' };
}

/** Either Haldane starts it on this machine, or it runs on a platform already. */
function placeRules({ platform, deploy, route, deployed }: ManifestFile): readonly Finding[] {
  const at = (key: string, message: string): Finding => ({ keys: [key], message, about: 'value' });
  if (platform !== 'local') {
    if (deployed === undefined)
      return [value([], `is missing "deployed"; on platform ${platform} a service runs already: name its cluster and route there`)];
    return [
      ...(deploy === undefined ? [] : [at('deploy', `is for services of this machine; on platform ${platform} write "deployed" only`)]),
      ...(route === undefined
        ? []
        : [at('route', `is for services of this machine; on platform ${platform} the route stands in "deployed"`)]),
    ];
  }
  return [
    ...(deploy === undefined ? [value([], `is missing "deploy", how its processes are started`)] : []),
    ...(route === undefined ? [value([], `is missing "route", the front door of its traffic`)] : []),
    ...(deployed === undefined
      ? []
      : [at('deployed', 'is for services that run on another platform; name it with "platform", or remove this')]),
  ];
}

/** A CI/CD system is asked with credentials that are there, and that nobody on the way can read. */
function pipelineRules({ pipeline = {} }: ManifestFile, env: EnvironmentMap): readonly Finding[] {
  return Object.entries(pipeline).flatMap(([id, settings]) => {
    const secrets = Object.entries(settings).filter(([key, name]) => key.endsWith('Env') && typeof name === 'string');
    const addresses = Object.entries(settings).filter(([, text]) => typeof text === 'string' && /^https?:\/\//.test(text));
    return [
      ...secrets.flatMap(([key, name]) =>
        env[name as string] === undefined
          ? [value(['pipeline', id, key], `the variable ${name as string} is not set where Haldane runs; set it there`)]
          : [],
      ),
      ...addresses.flatMap(([key, address]) =>
        secrets.length > 0 && !isPrivate(address as string)
          ? [value(['pipeline', id, key], `credentials would cross the network in the clear; write https://`)]
          : [],
      ),
    ];
  });
}

function isPrivate(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function variableRules({ deploy }: ManifestFile, env: EnvironmentMap): readonly Finding[] {
  if (deploy === undefined) return [];
  const missing = deploy.secrets.flatMap((name, i) =>
    env[name] === undefined
      ? [value(['deploy', 'secrets', i], `the variable ${name} is not set where Haldane runs; set it there, or remove it from the list`)]
      : [],
  );
  const twice = deploy.secrets.flatMap((name, i) =>
    Object.hasOwn(deploy.env, name) ? [value(['deploy', 'secrets', i], `${name} is set in deploy.env too; keep one of them`)] : [],
  );
  const port = Object.hasOwn(deploy.env, deploy.portEnv)
    ? [value(['deploy', 'env', deploy.portEnv], `${deploy.portEnv} is how an instance is told its port (deploy.portEnv); remove it here`)]
    : [];
  const instance =
    deploy.instanceEnv === deploy.portEnv
      ? [value(['deploy', 'instanceEnv'], `is the same variable as deploy.portEnv; name another one`)]
      : [];
  return [...missing, ...twice, ...port, ...instance];
}

function dependencyRules({ dependencies, deploy }: ManifestFile): readonly Finding[] {
  return dependencies.flatMap((dependency, i): readonly Finding[] => {
    const at = (key: string): Keys => ['dependencies', i, key];
    const first = dependencies.findIndex((other) => other.name === dependency.name);
    const sameEnv = dependencies.findIndex((other) => other.env === dependency.env);
    const scheme = dependency.url.slice(0, dependency.url.indexOf(':'));
    const web = scheme === 'http' || scheme === 'https';
    return [
      ...(first < i ? [value(at('name'), `"${dependency.name}" is the name of dependencies[${first}] too; give each its own`)] : []),
      ...(sameEnv < i ? [value(at('env'), `${dependency.env} is the variable of dependencies[${sameEnv}] too; each needs its own`)] : []),
      ...(deploy !== undefined && Object.hasOwn(deploy.env, dependency.env)
        ? [value(at('env'), `${dependency.env} is set in deploy.env too; remove it there, the address comes from "url" here`)]
        : []),
      ...(dependency.env === deploy?.portEnv
        ? [value(at('env'), `${dependency.env} is how an instance is told its port (deploy.portEnv); name the variable of this dependency`)]
        : []),
      ...(dependency.as !== 'tcp' && scheme !== dependency.as
        ? [
            value(
              at('as'),
              `"${dependency.as}" does not fit the address, which begins with ${scheme}://; write as: ${web ? scheme : 'tcp'}`,
            ),
          ]
        : []),
      ...(dependency.ca !== undefined && dependency.as !== 'https'
        ? [value(at('ca'), `a trusted certificate is of use only with as: https; remove it, or write as: https`)]
        : []),
    ];
  });
}

/** Arms of a service that runs elsewhere are told addresses by what they are launched from, which many may read there. */
function addressRules({ dependencies, deployed }: ManifestFile): readonly Finding[] {
  if (deployed === undefined) return [];
  return dependencies.flatMap(({ url }, i) =>
    /^[^/]*\/\/[^/?#]*@/.test(url)
      ? [
          value(
            ['dependencies', i, 'url'],
            'holds a name or a password, which would stand where arms are launched from; give it to the service in another variable',
          ),
        ]
      : [],
  );
}

const tokenFields = {
  'client-credentials': { needs: ['url', 'clientId', 'clientSecretEnv'], may: ['form'] },
  static: { needs: ['valueEnv'], may: [] },
} as const;

function identityRules({ synthetic }: ManifestFile, env: EnvironmentMap): readonly Finding[] {
  return synthetic.identities.flatMap(({ name, token }, i): readonly Finding[] => {
    const at = (...keys: readonly string[]): Keys => ['synthetic', 'identities', i, ...keys];
    const { needs, may } = tokenFields[token.from];
    const known: readonly string[] = ['from', ...needs, ...may];
    const first = synthetic.identities.findIndex((other) => other.name === name);
    const secretEnv = token.from === 'static' ? token.valueEnv : token.clientSecretEnv;
    const field = token.from === 'static' ? 'valueEnv' : 'clientSecretEnv';
    return [
      ...(first < i ? [value(at('name'), `"${name}" is the name of synthetic.identities[${first}] too; give each its own`)] : []),
      ...needs
        .filter((key) => token[key] === undefined)
        .map((key) => value(at('token'), `"${key}" is missing; a token from ${token.from} needs it, add it`)),
      ...Object.keys(token)
        .filter((key) => !known.includes(key))
        .map(
          (key): Finding => ({
            keys: at('token', key),
            message: `"${key}" means nothing for a token from ${token.from}; remove it (known: ${known.join(', ')})`,
            about: 'key',
          }),
        ),
      ...(secretEnv !== undefined && env[secretEnv] === undefined
        ? [value(at('token', field), `the variable ${secretEnv} is not set where Haldane runs; set it there`)]
        : []),
    ];
  });
}

function requestRules({ synthetic }: ManifestFile): readonly Finding[] {
  const identities = synthetic.identities.map((identity) => identity.name);
  const all = [
    ...synthetic.requests.map((request, i) => ({ request, at: ['synthetic', 'requests', i] as Keys })),
    ...(synthetic.heartbeat ? [{ request: synthetic.heartbeat, at: ['synthetic', 'heartbeat'] as Keys }] : []),
  ];
  return all.flatMap(({ request, at }, i): readonly Finding[] => {
    const first = all.findIndex((other) => other.request.name === request.name);
    const unknown = request.as !== undefined && !identities.includes(request.as);
    const near = unknown ? nearest(request.as ?? '', identities) : null;
    return [
      ...(first < i ? [value([...at, 'name'], `"${request.name}" is the name of another request too; give each its own`)] : []),
      ...(unknown
        ? [
            value(
              [...at, 'as'],
              `there is no identity "${request.as}" under synthetic.identities; ${near === null ? `known: ${identities.join(', ') || 'none, add one'}` : `did you mean "${near}"?`}`,
            ),
          ]
        : []),
      ...(request.protected && request.as === undefined
        ? [
            value(
              [...at, 'protected'],
              `a protected request needs an identity to make valid and forged credentials from; add "as: <identity>"`,
            ),
          ]
        : []),
      ...(request.body !== undefined && (request.method === 'GET' || request.method === 'HEAD')
        ? [value([...at, 'body'], `a ${request.method} request carries no body; remove it or change "method"`)]
        : []),
    ];
  });
}
