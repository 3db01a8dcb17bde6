import type { Deployment, ProbeStream, Scenario, SyntheticRequest } from '@haldane/core';

const me: SyntheticRequest = { name: 'me', method: 'GET', path: '/me', headers: {}, body: null, as: 'alice', protected: true };

/** A service with one dependency and one protected request, opted in to both sample scenarios. */
export function sampleDeployment(service = 'payments'): Deployment {
  return {
    service,
    environment: 'test',
    owner: { team: 'payments', contact: '#payments' },
    pipeline: 'memory',
    platform: 'memory',
    revision: 'abc123',
    source: `${service}.production`,
    instances: 2,
    route: service,
    dependencies: [{ name: 'keys', env: 'KEYS_URL', as: 'http', ca: null }],
    intake: [],
    intakeDeclared: true,
    synthetic: {
      identities: [{ name: 'alice', token: { from: 'static', valueEnv: 'ALICE_TOKEN' } }],
      requests: [me],
      jwksUrl: 'http://identity.test/jwks',
      heartbeat: { ...me, name: 'heartbeat', protected: false },
    },
    optIn: ['keys-away', 'forged'],
    deployInProgress: false,
  };
}

/** `keys-away` makes a change: a fault on the dependency `keys`. `forged` makes none: its hostile requests are the act. */
export function sampleScenario(act: Scenario['act']): Scenario {
  const stream = (kind: ProbeStream['kind'], rate: number, requests: readonly SyntheticRequest[]): ProbeStream => ({
    name: kind,
    kind,
    rate,
    requests,
    forgeries: kind === 'hostile' ? ['wrong-key'] : [],
    ...(kind === 'hostile' && act === 'request' ? { validTwin: true } : {}),
  });
  return {
    id: act === 'change' ? 'keys-away' : 'forged',
    version: 1,
    about: {
      title: act === 'change' ? 'the keys go away' : 'tokens are forged',
      when: 'as the title says',
      // biome-ignore lint/suspicious/noThenProperty: the second half of a hypothesis, a text; nobody awaits the record
      then: 'nobody is let in who should not be',
      injection: 'at the proxy of the experiment',
      undo: 'the fault is taken off',
      detection: 'an alert',
      mapping: { attack: [], owasp: [], cwe: [] },
    },
    params: { type: 'object' },
    needs: act === 'change' ? ['dependency-fault', 'synthetic-reach'] : ['synthetic-reach'],
    reach: 'arm',
    traffic: 'slice',
    exposure: 'all',
    breaksIdentity: act === 'change',
    residue: [],
    act,
    contact: () => (act === 'change' ? { unit: 'dependency-call', dependency: 'keys' } : { unit: 'hostile-request' }),
    timeConstants: () => (act === 'change' ? [{ name: 'key cache', seconds: 3, why: 'keys that are kept still verify' }] : []),
    objections: () => [],
    probes: (_params, { synthetic }, spec) => [
      stream('legitimate', spec.probes.legitimateRate, synthetic.requests),
      stream('hostile', spec.probes.hostileRate, synthetic.requests),
    ],
    prepare: () => [],
    inject: (_params, { runId, faults }) =>
      act === 'change' ? [faults.dependency(runId, 'experiment', 'keys', { mode: 'abort', status: 503 })] : [],
  };
}
