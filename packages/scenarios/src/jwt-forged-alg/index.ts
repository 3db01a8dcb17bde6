import type { Forgery, JsonObject, Scenario } from '@haldane/core';
import { forgingObjections, hostileStream, legitimateStream } from '../streams.ts';

const variants = ['alg-none', 'hs256-public-key', 'unknown-kid', 'foreign-jku', 'wrong-key'] as const satisfies readonly Forgery[];

const paramsSchema: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    variants: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: variants },
      default: variants,
      description: 'which forgeries are tried; all of them by default',
    },
  },
};

function variantsOf(params: JsonObject): readonly Forgery[] {
  return (params as { variants?: readonly Forgery[] }).variants ?? variants;
}

/** Forged tokens are sent to the experiment. The hostile request is itself the change, so `held` is judged absolutely. */
export const jwtForgedAlg: Scenario = {
  id: 'jwt-forged-alg',
  version: 1,
  about: {
    title: 'Tokens are forged by their own header: alg=none, HS256 keyed with the public key, foreign keys',
    when: 'a token says alg=none, is signed with HS256 and the public key as its secret, names an unknown key, points to a key set elsewhere (jku), or is signed by another key under a known name',
    // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
    then: 'none of them is accepted, and no outbound request follows the address in the header',
    injection:
      'Synthetic requests with forged tokens of a synthetic identity are sent to the experiment only; control is sent valid requests at the same rate. No credential of a real user is used, and the foreign key set is a listener of our own that counts its visitors.',
    undo: 'The requests end. They leave nothing that has to be put back.',
    detection:
      'A high alert "forged token" with the claimed subject, the address of the caller, the algorithm and key that the token named, and the route.',
    mapping: { attack: ['T1606'], owasp: ['API2:2023'], cwe: ['CWE-347', 'CWE-327'] },
  },
  params: paramsSchema,
  needs: ['synthetic-reach'],
  reach: 'arm',
  traffic: 'slice',
  exposure: 'all',
  breaksIdentity: false,
  residue: [],
  // Not the network: a forged token is refused or let in by whoever reads it, with the keys that he has.
  touchedBy: ['code', 'dependencies', 'build', 'infrastructure', 'routes', 'configuration'],
  act: 'request',
  contact: () => ({ unit: 'hostile-request' }),
  timeConstants: () => [],
  objections: (_params, deployment) => forgingObjections(deployment),
  probes: (params, deployment, spec) => [
    legitimateStream(deployment, spec),
    { ...hostileStream(deployment, spec, variantsOf(params)), validTwin: true },
  ],
  prepare: () => [],
  inject: () => [],
};
