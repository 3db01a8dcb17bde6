import { test } from 'tap';
import { ask, cookie, newKey, signed, sliceOf, stand, standWithArms, until, upstream } from '../../test/stand.ts';

type Point = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** Reads the text format 0.0.4 by the letter, and throws at whatever a strict reader would not take. */
function parse(text: string): { readonly types: ReadonlyMap<string, string>; readonly points: readonly Point[] } {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const points: Point[] = [];
  const seen = new Set<string>();
  let family = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\\n]|\\\\|\\n)*$/.exec(line);
    if (help?.[1] !== undefined) {
      if (helped.has(help[1])) throw new Error(`two helps: ${line}`);
      helped.add(help[1]);
      family = help[1];
      continue;
    }
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (type?.[1] !== undefined) {
      if (types.has(type[1]) || type[1] !== family) throw new Error(`a type out of place: ${line}`);
      types.set(type[1], type[2] ?? '');
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample?.[1] === undefined) throw new Error(`not a sample: ${line}`);
    const suffixes = types.get(family) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!suffixes.some((suffix) => sample[1] === family + suffix)) throw new Error(`not of the family ${family}: ${line}`);
    const labels: Record<string, string> = {};
    let rest = sample[2] ?? '';
    while (rest !== '') {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,(?=.)|$)/.exec(rest);
      if (label?.[1] === undefined || label[1] in labels) throw new Error(`labels: ${line}`);
      labels[label[1]] = label[2] ?? '';
      rest = rest.slice(label[0].length);
    }
    const key = `${sample[1]} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    const value = Number(sample[3]);
    if (!Number.isFinite(value)) throw new Error(`no number: ${line}`);
    points.push({ name: sample[1], labels, value });
  }
  return { types, points };
}

test('Prometheus reads what the router did, whoever holds the token, and nothing that a client said is in it', async (t) => {
  const { client, port, router, token } = await standWithArms(t, {
    experiment: (_request, response) => response.writeHead(503, { 'strict-transport-security': 'max-age=1', expires: 'never' }).end(),
  });
  const dependency = await upstream(t, (_request, response) => response.end());
  await client.putSlice('pay', sliceOf({ share: 0.5, cap: 3, underFault: true }));
  const proxy = { proxy: 'r1.experiment.idp', runId: 'r1', arm: 'experiment', dependency: 'idp', as: 'http' } as const;
  const reached = await client.putProxy({ ...proxy, target: dependency.url, until: Date.now() + 60_000 });
  await client.setFault(proxy.proxy, { mode: 'abort', status: 500 });
  await ask(reached.port);
  const statuses: number[] = [];
  while (statuses.filter((status) => status === 503).length < 3) {
    const answer = await ask(port, { path: '/secret-path', headers: { ...cookie(newKey()), 'user-agent': 'secret-agent' } });
    if (answer !== 'broken') statuses.push(answer.status);
  }
  await ask(port, { headers: { 'x-haldane-synthetic': signed('control') } });

  const read = async () => {
    const response = await fetch(`${router.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    t.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    return { text, ...parse(text) };
  };
  const sumOf = (points: readonly Point[], name: string, labels: Readonly<Record<string, string>>) =>
    points
      .filter((point) => point.name === name && Object.entries(labels).every(([label, text]) => point.labels[label] === text))
      .reduce((sum, { value }) => sum + value, 0);
  // An answer is counted when it has left, which its client may see a moment earlier.
  const { points, types, text } = await until(async () => {
    const seen = await read();
    return sumOf(seen.points, 'haldane_requests_total', {}) === statuses.length + 1 ? seen : null;
  }, 'all answers are counted');

  t.equal(sumOf(points, 'haldane_requests_total', { role: 'experiment', class: 'server-error', traffic: 'real' }), 3);
  t.equal(sumOf(points, 'haldane_requests_total', { class: 'success', traffic: 'real' }), statuses.length - 3);
  t.equal(sumOf(points, 'haldane_requests_total', { role: 'control', class: 'success', traffic: 'synthetic' }), 1);
  t.equal(sumOf(points, 'haldane_budget_spent', { run: 'r1' }), 3);
  t.equal(sumOf(points, 'haldane_budget_cap', { run: 'r1' }), 3);
  t.equal(sumOf(points, 'haldane_stripped_total', { run: 'r1', kind: 'transport-security' }), 3);
  t.equal(sumOf(points, 'haldane_stripped_total', { run: 'r1', kind: 'caching' }), 3);
  t.equal(sumOf(points, 'haldane_slice_share', { route: 'pay', run: 'r1', slice: 'main' }), 0.5);
  t.equal(sumOf(points, 'haldane_dependency_calls_total', { arm: 'experiment', dependency: 'idp' }), 1);
  t.equal(sumOf(points, 'haldane_faults_met_total', { run: 'r1' }), 1);
  const lease = sumOf(points, 'haldane_lease_seconds', { run: 'r1' });
  t.ok(lease > 0 && lease <= 60, `${lease}`);
  t.ok(sumOf(points, 'process_resident_memory_bytes', {}) > 1e6);

  for (const role of ['production', 'control', 'experiment']) {
    const ofRole = { route: 'pay', role, traffic: 'real' };
    const buckets = points.filter(
      ({ name, labels }) => name === 'haldane_request_duration_seconds_bucket' && labels.role === role && labels.traffic === 'real',
    );
    t.ok(
      buckets.every(({ value }, i) => value >= (buckets[i - 1]?.value ?? 0)),
      'buckets hold what is below them',
    );
    t.equal(buckets.at(-1)?.labels.le, '+Inf');
    t.equal(buckets.at(-1)?.value, sumOf(points, 'haldane_request_duration_seconds_count', ofRole));
    t.equal(buckets.at(-1)?.value, sumOf(points, 'haldane_requests_total', ofRole));
  }
  for (const [name, type] of types) t.equal(type === 'counter', name.endsWith('_total'), name);
  t.notMatch(text, /secret/);

  t.equal((await fetch(`${router.adminUrl}/metrics`)).status, 401);
  const ofRequests = (some: readonly Point[]) => some.filter(({ name }) => name.startsWith('haldane_request')).length;
  for (let i = 0; i < 20; i += 1) await ask(port, { path: `/other/${i}`, method: 'DELETE', headers: cookie(newKey()) });
  t.equal(ofRequests((await read()).points), ofRequests(points), 'requests make no new series');
});

test('a router without routes has measures of itself alone', async (t) => {
  const { router, token } = await stand(t);
  const response = await fetch(`${router.adminUrl}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  t.same([...parse(await response.text()).types.keys()], ['process_cpu_seconds_total', 'process_resident_memory_bytes']);
});
