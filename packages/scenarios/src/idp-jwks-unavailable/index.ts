import { arms, type Change, type DependencyFault, type Deployment, HaldaneError, type Scenario } from '@haldane/core';
import { forgingObjections, hostileStream, legitimateStream } from '../streams.ts';
import { type Params, paramsOf, paramsSchema } from './params.ts';

/** The identity provider's keys go away for the experiment only. Whoever then cannot verify a token must refuse it. */
export const idpJwksUnavailable: Scenario = {
  id: 'idp-jwks-unavailable',
  version: 1,
  about: {
    title: "The identity provider's public keys (JWKS) become unavailable to the service",
    when: 'the key set answers 503, answers slowly, answers with no keys, or the connection is reset',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'keys in the cache keep valid users in, an instance without keys refuses everyone, and no token is accepted that was not verified',
    injection:
      "The experiment's own proxy in front of the identity provider answers in its place; the provider itself is never touched, and control's proxy passes everything through. With warmth: cold both arms are restarted after the fault is in place, so that control starts with keys and the experiment without.",
    undo: "The fault is taken off the experiment's proxy. A restart leaves nothing to put back.",
    detection:
      'An alert "JWKS refresh failing" to the owner of identity, with the address of the key set, the age of the keys and the instances that are affected.',
    mapping: { attack: ['T1556', 'T1499'], owasp: ['API2:2023'], cwe: ['CWE-636', 'CWE-347'] },
  },
  params: paramsSchema,
  needs: ['dependency-fault', 'synthetic-reach'],
  reach: 'arm',
  traffic: 'slice',
  exposure: 'all',
  breaksIdentity: true,
  residue: [],
  // Not permissions nor data: keys are fetched with neither.
  touchedBy: ['code', 'dependencies', 'build', 'infrastructure', 'network', 'routes', 'configuration'],
  act: 'change',
  contact: (params) => ({ unit: 'dependency-call', dependency: paramsOf(params).dependency }),
  timeConstants: (params) => {
    const { warmth, keyCacheSeconds } = paramsOf(params);
    if (warmth === 'cold') return [];
    return [
      {
        name: 'key cache',
        seconds: keyCacheSeconds,
        why: 'until the cached keys expire, a service that would fail open still verifies with them',
      },
    ];
  },
  objections: (params, deployment) => [...dependencyObjections(paramsOf(params), deployment), ...forgingObjections(deployment)],
  probes: (_params, deployment, spec) => [
    legitimateStream(deployment, spec),
    hostileStream(deployment, spec, ['unknown-kid', 'wrong-key', 'alg-none', 'hs256-public-key', 'foreign-jku', 'expired']),
  ],
  prepare: () => [],
  inject: (params, target): readonly Change[] => {
    const chosen = paramsOf(params);
    const fault = target.faults.dependency(target.runId, 'experiment', chosen.dependency, faultOf(chosen));
    if (chosen.warmth === 'warm') return [fault];
    if (!target.faults.can.includes('restart'))
      throw new HaldaneError(
        'refused',
        'scenario.params.warmth: "cold" needs a platform that can restart the instances of an arm, and this one cannot; use warmth: warm',
      );
    return [fault, ...arms.map((arm) => target.faults.host(target.runId, arm, { mode: 'restart' }))];
  },
};

function faultOf({ mode, delay }: Params): DependencyFault {
  switch (mode) {
    case '503':
      return { mode: 'abort', status: 503 };
    case 'slow':
      return { mode: 'delay', delayMs: Math.round(delay * 1000) };
    case 'empty':
      return { mode: 'answer', status: 200, body: '{"keys":[]}', contentType: 'application/json' };
    case 'reset':
      return { mode: 'reset' };
  }
}

function dependencyObjections({ dependency, mode }: Params, deployment: Deployment): readonly string[] {
  const field = 'scenario.params.dependency';
  const known = deployment.dependencies.map((one) => one.name);
  const found = deployment.dependencies.find((one) => one.name === dependency);
  if (!found)
    return [
      `${field}: there is no dependency "${dependency}" in the manifest; ${known.length === 0 ? 'it declares none, add the identity provider under dependencies' : `known: ${known.join(', ')}`}`,
    ];
  if (mode === 'reset') return [];
  if (found.as === 'tcp')
    return [
      `${field}: "${dependency}" is declared as tcp, and mode "${mode}" needs to speak HTTP; declare it as http or https in the manifest, or use mode: reset`,
    ];
  if (found.as === 'https' && found.ca === null)
    return [
      `${field}: "${dependency}" is https without "ca", so its calls cannot be read; declare in dependencies the variable that takes a file of trusted certificates (ca: NODE_EXTRA_CA_CERTS), or use mode: reset`,
    ];
  return [];
}
