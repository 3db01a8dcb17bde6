import { createHash } from 'node:crypto';
import type { Scenario } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import { test } from 'tap';
import { checkParams, readExperiment } from './read-experiment.ts';

const scenario = {
  id: 'keys-away',
  exposure: 'reads',
  params: {
    type: 'object',
    additionalProperties: false,
    required: ['dependency'],
    properties: {
      dependency: { type: 'string' },
      delay: { type: ['number', 'string'], duration: {}, default: '8s' },
      mode: { type: 'string', asWritten: true, enum: ['503', 'slow'], default: '503' },
    },
  },
} as unknown as Scenario;
const least =
  'name: first\nservice: deploy/shop.yaml\nscenario: { id: keys-away, params: { dependency: keys } }\nbudget: { failures: 3, users: 2 }\n';
const read = (text: string, known = {}) =>
  readExperiment({
    text,
    source: '/repo/first.yaml',
    env: { SHARE: '7%', WATCH: '120' },
    scenarios: [scenario],
    known,
    serviceAt: async (path) => {
      if (path !== '/repo/deploy/shop.yaml') throw new HaldaneError('not-found', 'no such file');
      return { service: 'shop', environment: 'demo' };
    },
  });

test('control may be up to four times as large, and is equal where the file says nothing', async (t) => {
  t.equal((await read(`${least}controlTimes: 4\n`)).controlTimes, 4);
  t.notOk('controlTimes' in (await read(`${least}controlTimes: 1\n`)), 'so that the hash of criteria stays what it was');
  await t.rejects(read(`${least}controlTimes: 5\n`), { message: /controlTimes/ });
});

test('the shortest file becomes a whole experiment, with the defaults of the catalogue written in', async (t) => {
  t.same(await read(least), {
    service: 'shop',
    environment: 'demo',
    name: 'first',
    about: '',
    scenario: { id: 'keys-away', params: { dependency: 'keys', delay: 8, mode: '503' } },
    fault: true,
    platform: 'local',
    pipeline: 'manifest',
    metrics: 'router',
    manifest: '/repo/deploy/shop.yaml',
    share: 0.01,
    slice: {
      mode: 'route',
      routes: [],
      key: { from: 'cookie' },
      never: { keys: [], routes: [], headers: [] },
      ramp: [],
    },
    expectedRate: null,
    exposure: 'reads',
    instances: 1,
    baselineSeconds: 60,
    watchSeconds: 600,
    probes: { legitimateRate: 2, hostileRate: 2, cleanAnswers: 59 },
    budget: { failures: 3, users: 2, latencyLimitMs: 5000 },
    tolerance: { odds: 1.25, points: 0.001, latency: 1.5 },
    background: 0,
    alpha: 0.05,
    contact: 30,
    noticed: null,
  });
});

test('what the file says is kept, and exposure is at most what is safe for the scenario', async (t) => {
  const spec = await read(
    `${least}share: \${SHARE}\nwatch: \${WATCH}\nexposure: synthetic\ntolerance: { points: 1 }\nnoticed: { rules: [a, b], receiver: r, within: 20s }\n`,
  );
  t.match(spec, { share: 0.07, watchSeconds: 120, exposure: 'synthetic', tolerance: { odds: 1.25, points: 0.01 } });
  t.same(spec.noticed, {
    source: 'webhook',
    expect: { rules: ['a', 'b'], receiver: 'r', withinSeconds: 20, fields: [] },
    heartbeatWithinSeconds: 30,
  });
  t.equal((await read(`${least}exposure: all\n`)).exposure, 'reads');
});

test('how users are treated is read, and what would let in more than was meant is refused', async (t) => {
  const spec = await read(`${least}share: 5%
slice:
  mode: shield
  routes: [GET /orders/*]
  key: claim sub
  never: { keys: [ann, 7], routes: [/admin/**], headers: { x-tier: [gold], x-hold: [] } }
  atMost: 90/m
  ramp: [{ share: 0.01%, requests: 100 }, { share: 1%, requests: 400, for: 30s }]
`);
  t.same(spec.slice, {
    mode: 'shield',
    routes: ['GET /orders/*'],
    key: { from: 'claim', name: 'sub' },
    never: {
      keys: ['ann', '7'].map((key) => createHash('sha256').update(key).digest('hex')),
      routes: ['/admin/**'],
      headers: [
        { name: 'x-tier', values: ['gold'] },
        { name: 'x-hold', values: [] },
      ],
    },
    perSecond: 1.5,
    ramp: [
      { share: 0.0001, requests: 100, seconds: 0 },
      { share: 0.01, requests: 400, seconds: 30 },
    ],
  });
  for (const [slice, message] of [
    ['{ mode: mirror }', /slice.routes: nothing is mirrored unless it is named/],
    ['{ mode: shields }', /did you mean "shield"/],
    ['{ routes: [orders] }', /"orders" is no route pattern/],
    ['{ key: claims }', /"claims" is no key; write cookie, address, header NAME or claim NAME/],
    ['{ ramp: [{ share: 1%, requests: 1 }] }', /a ramp grows/],
    ['{ ramp: [{ share: 0.5%, requests: 1 }, { share: 0.2%, requests: 1 }] }', /a ramp grows/],
    ['{ ramp: [{ share: 0.1%, requests: 1, for: 10m }] }', /its stages take 600s, and the run watches 600s/],
    ['{ atMost: 0/s }', /too small/],
  ] as const)
    await t.rejects(read(`${least}slice: ${slice}\n`), { code: 'bad-document', message }, slice);
});

test('what a file names must exist', async (t) => {
  await t.rejects(read(least.replace('deploy/shop', 'shop')), {
    code: 'bad-document',
    message: /line 2:1, service: "shop.yaml" cannot be read as a manifest/,
  });
  await t.rejects(read(`${least}metrics: tea-leaves\n`, { metrics: ['router'] }), {
    code: 'bad-document',
    message: /there is no metrics "tea-leaves" here; known: router/,
  });
});

test("params that came from no file are checked against the scenario's own schema", async (t) => {
  t.same(checkParams(scenario.params, { dependency: 'keys', delay: '2m' }), {
    params: { dependency: 'keys', delay: 120, mode: '503' },
    problems: [],
  });
  t.match(checkParams(scenario.params, { dependency: 'keys', dlay: 1 }).problems, [
    { path: 'scenario.params.dlay', message: 'unknown key "dlay"; did you mean "delay"?' },
  ]);
});
