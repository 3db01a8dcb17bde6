import type {
  Arm,
  Change,
  DependencyFault,
  Deployment,
  ExperimentSpec,
  FaultPlane,
  JsonObject,
  Scenario,
  Target,
  TwinPlane,
} from '@haldane/core';
import { test } from 'tap';
import { idpJwksUnavailable } from './idp-jwks-unavailable/index.ts';
import { scenarios } from './index.ts';
import { jwtForgedAlg } from './jwt-forged-alg/index.ts';
import { openBucket } from './open-bucket/index.ts';
import { roleAdminAttached } from './role-admin-attached/index.ts';
import { sgPortOpen } from './sg-port-open/index.ts';

const request = { name: 'pay', method: 'POST', path: '/pay', headers: {}, body: null, as: 'payer', protected: true };
const deployment: Deployment = {
  service: 'shop',
  environment: 'demo',
  owner: { team: 't', contact: 'c' },
  pipeline: 'manifest',
  platform: 'local',
  revision: 'r',
  source: 's',
  instances: 1,
  route: 'shop',
  dependencies: [
    { name: 'keys', env: 'JWKS_URL', as: 'http', ca: null },
    { name: 'sealed', env: 'SEALED_URL', as: 'https', ca: null },
    { name: 'trusting', env: 'TRUSTING_URL', as: 'https', ca: 'NODE_EXTRA_CA_CERTS' },
    { name: 'database', env: 'DATABASE_URL', as: 'tcp', ca: null },
  ],
  intake: [],
  intakeDeclared: true,
  synthetic: {
    identities: [],
    requests: [request, { ...request, name: 'status', as: null, protected: false }],
    jwksUrl: 'https://idp/jwks',
    heartbeat: null,
  },
  optIn: [],
  deployInProgress: false,
};
const spec = { probes: { legitimateRate: 2, hostileRate: 20, cleanAnswers: 59 } } as ExperimentSpec;

/** A platform that writes down what it was asked to describe. */
function target(can: FaultPlane['can'] = ['dependency-fault', 'restart', 'synthetic-reach']): Target {
  const change = (kind: string, arm: Arm, params: JsonObject): Change => ({
    id: `${kind}:${arm}`,
    kind,
    params,
    standsOn: [],
    does: '',
    undo: '',
  });
  const faults: FaultPlane = {
    can,
    wire: () => ({ changes: [], dependencies: [] }),
    dependency: (_runId, arm, dependency, fault: DependencyFault) => change('fault', arm, { dependency, ...fault }),
    request: (_deployment, _runId, arm, fault) => change('request', arm, { ...fault }),
    host: (_runId, arm, fault) => change('host', arm, { ...fault }),
    probe: async () => ({ faulted: false, seen: '' }),
  };
  return { runId: 'run-1', deployment, faults };
}
const params = (given: JsonObject = {}): JsonObject => ({
  dependency: 'keys',
  mode: '503',
  delay: 8,
  warmth: 'warm',
  keyCacheSeconds: 300,
  ...given,
});

test('every scenario says what the catalogue needs and only what it needs', async (t) => {
  t.equal(new Set(scenarios.map((scenario) => scenario.id)).size, scenarios.length);
  for (const { id, about, params: schema, residue } of scenarios) {
    t.match(id, /^[a-z0-9-]+$/);
    for (const field of ['title', 'when', 'then', 'injection', 'undo', 'detection'] as const)
      t.ok(about[field].length > 20, `${id} ${field}`);
    t.ok(
      about.mapping.attack.every((technique) => /^T\d{4}(\.\d{3})?$/.test(technique)) &&
        about.mapping.cwe.every((cwe) => /^CWE-\d+$/.test(cwe)) &&
        about.mapping.owasp.length > 0,
    );
    t.equal(schema.additionalProperties, false, `${id} refuses unknown params`);
    t.same(residue, []);
  }
});

test('the keys go away in every way, for the experiment only', async (t) => {
  const fault = (given: JsonObject) => idpJwksUnavailable.inject(params(given), target()).map(({ id, params: made }) => ({ id, ...made }));
  t.same(fault({}), [{ id: 'fault:experiment', dependency: 'keys', mode: 'abort', status: 503 }]);
  t.same(fault({ mode: 'slow', delay: 2 }), [{ id: 'fault:experiment', dependency: 'keys', mode: 'delay', delayMs: 2000 }]);
  t.match(fault({ mode: 'empty' }), [{ mode: 'answer', status: 200, body: '{"keys":[]}', contentType: 'application/json' }]);
  t.match(fault({ mode: 'reset' }), [{ mode: 'reset' }]);
});

test('cold restarts both arms, after the fault is there, and needs a platform that can', async (t) => {
  const cold = params({ warmth: 'cold' });
  t.same(
    idpJwksUnavailable.inject(cold, target()).map((change) => change.id),
    ['fault:experiment', 'host:control', 'host:experiment'],
  );
  t.throws(() => idpJwksUnavailable.inject(cold, target(['dependency-fault'])), { code: 'refused', message: /warmth/ });
  t.same(idpJwksUnavailable.timeConstants(cold), [], 'a restarted instance has no cache to wait for');
  t.match(idpJwksUnavailable.timeConstants(params({ keyCacheSeconds: 5 })), [{ seconds: 5 }]);
});

test('a deployment on which it cannot be made is objected to, with the field and the fix', async (t) => {
  const objections = (given: JsonObject, changed: Partial<Deployment['synthetic']> = {}) =>
    idpJwksUnavailable.objections(params(given), { ...deployment, synthetic: { ...deployment.synthetic, ...changed } }).join('\n');
  t.equal(objections({}), '');
  t.equal(objections({ dependency: 'trusting' }), '');
  t.match(
    objections({ dependency: 'kees' }),
    'scenario.params.dependency: there is no dependency "kees" in the manifest; known: keys, sealed',
  );
  t.match(objections({ dependency: 'sealed' }), 'is https without "ca"');
  t.match(objections({ dependency: 'database' }), 'is declared as tcp');
  t.equal(objections({ dependency: 'database', mode: 'reset' }), '', 'a connection can be reset without reading it');
  t.match(objections({}, { jwksUrl: null }), 'synthetic.jwksUrl is not set');
  t.match(objections({}, { requests: [] }), 'synthetic.requests is empty');
  t.match(objections({}, { requests: [{ ...request, protected: false }] }), 'no protected request');
  t.match(jwtForgedAlg.objections({}, { ...deployment, synthetic: { ...deployment.synthetic, jwksUrl: null } }).join(), 'jwksUrl');
});

test('hostile streams are made of protected requests only, legitimate ones of all', async (t) => {
  for (const scenario of scenarios.filter(({ traffic }) => traffic !== 'none')) {
    const [legitimate, hostile] = scenario.probes(params(), deployment, spec);
    t.match(legitimate, { kind: 'legitimate', rate: 2, forgeries: [] });
    t.same(
      legitimate?.requests.map((one) => one.name),
      ['pay', 'status'],
    );
    t.match(hostile, { kind: 'hostile', rate: 20 });
    t.same(
      hostile?.requests.map((one) => one.name),
      ['pay'],
    );
  }
  t.same(idpJwksUnavailable.probes(params(), deployment, spec)[1]?.forgeries, [
    'unknown-kid',
    'wrong-key',
    'alg-none',
    'hs256-public-key',
    'foreign-jku',
    'expired',
  ]);
});

test('forged tokens are themselves the change: nothing is injected, and control is sent as many valid requests', async (t) => {
  t.equal(jwtForgedAlg.act, 'request');
  t.same(jwtForgedAlg.inject({}, target()), []);
  t.same(jwtForgedAlg.contact({}), { unit: 'hostile-request' });
  t.match(jwtForgedAlg.probes({ variants: ['alg-none'] }, deployment, spec)[1], { forgeries: ['alg-none'], validTwin: true });
  t.match(idpJwksUnavailable.contact(params()), { unit: 'dependency-call', dependency: 'keys' });
});

const said = (kind: string, arm: Arm, params: JsonObject): Change => ({
  id: `${kind}:${arm}`,
  kind,
  params,
  standsOn: [],
  does: '',
  undo: '',
});

/** A platform that can make twins, and writes down of what. */
function atTwinsOf(runId: string): Target {
  const twins: TwinPlane = {
    make: (_deployment, _runId, arm, order) => said('twin', arm, order),
    fault: (_deployment, _runId, arm, _order, fault) => said('fault', arm, fault),
    describe: async () => null,
    usedBy: async () => null,
    probe: async () => ({ faulted: false, seen: '' }),
  };
  const { deployment, faults } = target();
  return { runId, deployment, faults: { ...faults, twins } };
}

test('at twins one harmful act is done in the experiment, and before it a harmless one of the same kind in control', async (t) => {
  const given = { like: 'shop-own', dependency: 'keys' };
  const all = scenarios.filter(({ contact }) => contact(given).unit === 'twin');
  t.same(
    all.map(({ id }) => id),
    scenarios.filter(({ traffic }) => traffic === 'none').map(({ id }) => id),
    'and nobody else is asked for nothing',
  );
  t.equal(all.length, 5);
  for (const { id, needs, exposure, reach, prepare, inject, contact } of all) {
    const prepared = prepare(given, atTwinsOf('run-1'));
    const [harm, ...more] = inject(given, atTwinsOf('run-1'));
    const made = contact(given);
    t.match([needs.length, exposure, reach, more], [1, 'synthetic', 'owned', []], id);
    t.same(
      prepared.map((change) => change.id),
      ['twin:control', 'twin:experiment', 'fault:control'],
      id,
    );
    if (made.unit !== 'twin') throw new Error(`${id} is not made at twins`);
    t.same(prepared[0]?.params, made.order, 'both are made like what the experiment names');
    t.match(made.order, { like: 'shop-own', scenario: id });
    t.equal(harm?.id, 'fault:experiment');
    t.same([harm?.params['mode'], prepared[2]?.params['mode']], [needs[0], needs[0]], 'of one kind');
    t.strictNotSame(harm?.params, prepared[2]?.params, `${id}: and only one of them harms`);
    t.same(prepare(given, target()), [], 'where no twin can be made, none is described');
  }
});

test('by default strangers are nobody, and what is really given away is asked for by name', async (t) => {
  const harm = (scenario: Scenario, given: JsonObject, runId = 'run-1') =>
    scenario.inject({ like: 'x', ...given }, atTwinsOf(runId))[0]?.params ?? {};
  t.match(harm(sgPortOpen, {}), { from: '198.51.100.0/24' });
  t.match(harm(sgPortOpen, { from: 'world', port: 22 }), { from: '0.0.0.0/0', port: 22 });
  t.match(harm(openBucket, { to: 'documentation' }), { to: '198.51.100.0/24' });
  t.match(harm(openBucket, { to: 'world' }), { to: '0.0.0.0/0' });
  t.match(harm(roleAdminAttached, {}), { to: 'own' });
  t.match(harm(roleAdminAttached, { policy: 'administrator' }), { to: 'account' });
  const ports = Array.from({ length: 200 }, (_, n) => Number(harm(sgPortOpen, {}, `run-${n}`)['port']));
  t.ok(ports.every((port) => port >= 10_000 && port <= 65_000) && new Set(ports).size > 150, 'a port is drawn for the run');
});
