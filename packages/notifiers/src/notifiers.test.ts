import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Delivery, type Notice, systemClock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { sampleNotice } from '@haldane/testkit';
import { Webhook } from 'standardwebhooks';
import { type Test, test } from 'tap';
import { notifiers, readNotify, whoIsTold } from './index.ts';

type Seen = { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string };
type Reply = (seen: Seen, response: ServerResponse) => void;

/** A server of this machine that keeps what it was sent. */
async function receiver(t: Test, reply: Reply = (_seen, response) => void response.end('ok')) {
  const seen: Seen[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(parts).toString('utf8'),
      };
      seen.push(one);
      reply(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { seen, port, url: `http://127.0.0.1:${port}` };
}

const soon = () => AbortSignal.timeout(10_000);
const codeOf = (promise: Promise<unknown>): Promise<{ code: string; message: string; details: unknown }> =>
  promise.then(
    () => ({ code: 'resolved', message: '', details: null }),
    (error: { code: string; message: string; details: unknown }) => error,
  );
const news = { topic: 'verdict', service: 'payments', environment: 'test', runId: 'r1', at: 1_700_000_000_000 } as const;
const deliveryOf = (notice: Partial<Notice> = {}): Delivery => ({
  id: 'n1.siem',
  receiver: 'siem',
  notice: { ...sampleNotice(news), ...notice },
  tries: 1,
  madeAt: 0,
});
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const older = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;

/** The one notifier of a file with one receiver. */
function only(lines: string, port: number, env: Readonly<Record<string, string>>) {
  const notify = readNotify(
    `allow: ["127.0.0.1:${port}"]\nreceivers:\n  - { name: siem, ${lines} }\ntell: [{ receivers: [siem] }]\nslackApp: { signingSecretEnv: SIGNING }\n`,
    'notify.yaml',
  );
  const made = notifiers(notify, { env, egress: egress(notify.allow), clock: systemClock }).get('siem');
  if (made === undefined) throw new Error('there is no notifier');
  return made;
}

test('a redirect is not followed, and what a receiver says decides whether it is asked again', async (t) => {
  const inside = await receiver(t);
  const answers: Record<string, readonly [number, Record<string, string>, string]> = {
    '/moved': [302, { location: `${inside.url}/metadata` }, ''],
    '/gone': [410, {}, ''],
    '/bad': [400, {}, 'invalid_payload'],
    '/down': [503, {}, ''],
    '/later': [429, { 'retry-after': '7' }, ''],
    '/date': [429, { 'retry-after': new Date(Date.now() + 60_000).toUTCString() }, ''],
    '/never': [429, { 'retry-after': '99999999' }, ''],
    '/soon': [429, {}, ''],
    '/who': [403, {}, '{"message":"Bad credentials"}'],
    '/echo': [404, {}, 'Cannot POST /services/T0/B0/hush-hush'],
  };
  const { port } = await receiver(t, ({ path }, response) => {
    const [status, headers, body] = answers[path] ?? [200, {}, ''];
    response.writeHead(status, headers).end(body);
  });
  const to = async (path: string) =>
    codeOf(only(`by: slack, urlEnv: URL`, port, { URL: `http://127.0.0.1:${port}${path}` }).deliver(deliveryOf(), soon()));
  t.match(await to('/moved'), { code: 'denied', message: /redirect, which is not followed/ });
  t.same(inside.seen, []);
  t.equal((await to('/gone')).code, 'gone');
  t.match(await to('/bad'), { code: 'bad-request', message: 'it answered 400: invalid_payload' });
  t.equal((await to('/down')).code, 'unavailable');
  t.match(await to('/later'), { code: 'throttled', details: { afterMs: 7_000 } });
  const { afterMs } = (await to('/date')).details as { afterMs: number };
  t.ok(afterMs > 50_000 && afterMs <= 60_000, String(afterMs));
  t.match(await to('/never'), { code: 'throttled', details: { afterMs: 3_600_000 } }, 'an hour at most');
  t.equal((await to('/soon')).code, 'unavailable');
  t.match(await to('/who'), { code: 'denied', message: 'it answered 403: Bad credentials' });
  t.equal((await to('/echo')).message, 'it answered 404', 'an address that is said back is not said on');
});

test('a webhook is signed as Standard Webhooks says: its own library and the snippet of the documentation agree', async (t) => {
  const { port, url, seen } = await receiver(t);
  const both = only(`by: webhook, url: "${url}/hook", secretEnv: SECRET`, port, { SECRET: `${secret} ${older}` });
  await both.deliver(deliveryOf({ headline: 'ünï "quoted" \n 😀' }), soon());
  const [{ method, path, headers, body } = { method: '', path: '', headers: {}, body: '' }] = seen;
  t.same([method, path, headers['webhook-id'], headers['content-type']], ['POST', '/hook', 'n1.siem', 'application/json']);
  const page = await readFile(new URL('../../../docs/notifications.md', import.meta.url), 'utf8');
  const [, snippet = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
  const { verified } = (await import(`data:text/javascript,${encodeURIComponent(snippet)}`)) as {
    verified(headers: IncomingHttpHeaders, body: string, secret: string, now?: number): boolean;
  };
  const both2 = [secret, older].map((key) => [
    new Webhook(key).verify(body, headers as Record<string, string>) !== null,
    verified(headers, body, key),
  ]);
  t.same(both2, [
    [true, true],
    [true, true],
  ]);
  const other = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
  t.equal(verified(headers, body, other), false, 'another secret');
  t.equal(verified(headers, `${body} `, secret), false, 'another body');
  t.equal(verified({ ...headers, 'webhook-id': 'n2.siem' }, body, secret), false, 'another id');
  t.equal(verified(headers, body, secret, Date.now() + 301_000), false, 'an old one');
  t.equal(verified({}, body, secret), false);
  t.match(JSON.parse(body), { type: 'haldane.verdict', timestamp: '2023-11-14T22:13:20.000Z', data: { service: 'payments', runId: 'r1' } });
  for (const bad of ['hunter2', 'whsec_', 'whsec_c2hvcnQ='])
    t.throws(() => only('by: webhook, url: "https://a.example/", secretEnv: SECRET', port, { SECRET: bad }), {
      code: 'bad-document',
      message: /openssl rand/,
    });
});

test('Slack shows words from outside as words, offers only what may be done, and keeps to its bounds', async (t) => {
  const { port, url, seen } = await receiver(t);
  const slack = (buttons: boolean) => only(`by: slack, urlEnv: URL, buttons: ${buttons}`, port, { URL: url });
  const nasty = '<!channel> *bold* <https://evil.example|click> & `x`';
  const remedies: Notice['remedies'] = [
    { do: 'abort', runId: 'r1' },
    { do: 'approve', service: 'payments', environment: 'test', scenario: 'keys-away' },
  ];
  const command = { does: nasty, command: "haldane report 'r`1<x>'" };
  const notice = {
    headline: nasty,
    lines: [nasty, 'y'.repeat(9_000)],
    link: 'https://haldane.example/a?b&c',
    commands: [command],
    remedies,
  };
  await slack(false).deliver(deliveryOf(notice), soon());
  await slack(true).deliver(deliveryOf(notice), soon());
  type Text = { readonly type: string; readonly text: string; readonly emoji?: boolean; readonly verbatim?: boolean };
  type Block = {
    readonly type: string;
    readonly text?: Text;
    readonly elements?: readonly (Text & { value?: string; confirm?: object })[];
  };
  const [plain, pressed] = seen.map(({ body }) => JSON.parse(body) as { text: string; blocks: readonly Block[] });
  const texts = plain?.blocks.flatMap(({ text, elements = [] }) => [...(text === undefined ? [] : [text]), ...elements]) ?? [];
  t.ok(texts.length > 3);
  for (const { type, text, emoji, verbatim } of texts) {
    t.ok(text.length > 0 && text.length <= 3_000);
    if (type === 'plain_text') t.equal(emoji, false);
    else t.same([type, verbatim, /<(?!https:\/\/haldane\.example\/a\?b&amp;c\|Report>)/.test(text)], ['mrkdwn', true, false], text);
  }
  t.notMatch(plain?.text ?? '<', /[<>]/);
  t.notOk(
    plain?.blocks.some(({ type }) => type === 'actions'),
    'without an app behind it nothing can be pressed',
  );
  const buttons = pressed?.blocks.find(({ type }) => type === 'actions')?.elements ?? [];
  t.same(
    buttons.map(({ value }) => JSON.parse(value ?? '') as unknown),
    remedies,
  );
  t.ok(
    buttons.every(({ confirm }) => confirm !== undefined),
    'each asks whether it is meant',
  );
});

/** GitHub as far as it is asked: pull requests of a commit, their comments, deployments and their statuses. */
async function github(t: Test) {
  const state = { comments: [] as { id: number; body: string }[], statuses: [] as unknown[], tired: 0, pull: 7 };
  const sha = 'a'.repeat(40);
  for (let id = 1; id <= 100; id += 1) state.comments.push({ id, body: `somebody says ${id}` });
  const server = await receiver(t, ({ method, path, headers, body }, response) => {
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (headers.authorization !== 'Bearer hush-hush') return json(401, { message: 'Bad credentials' });
    if (state.tired > 0) {
      state.tired -= 1;
      return response
        .writeHead(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 30) })
        .end('{}');
    }
    const url = new URL(path, 'http://github');
    const page = Number(url.searchParams.get('page') ?? 1);
    const given = body === '' ? null : (JSON.parse(body) as { body: string });
    const route = `${method} ${url.pathname.replace('/repos/acme/payments', '')}`;
    if (route === `GET /commits/${sha}/pulls`) return json(200, [{ number: state.pull }]);
    if (route.startsWith('GET /commits/')) return json(422, { message: 'No commit found for SHA' });
    if (route === `GET /issues/${state.pull}/comments`) return json(200, state.comments.slice((page - 1) * 100, page * 100));
    if (route === `POST /issues/${state.pull}/comments`) return json(201, state.comments.push({ id: 1000, body: given?.body ?? '' }));
    const [, id] = /^PATCH \/issues\/comments\/(\d+)$/.exec(route) ?? [];
    const own = state.comments.find((one) => one.id === Number(id));
    if (own !== undefined) {
      own.body = given?.body ?? '';
      return json(200, own);
    }
    if (route === 'GET /deployments') return json(200, url.searchParams.get('sha') === sha ? [{ id: 5 }] : []);
    if (route === 'POST /deployments/5/statuses') return json(201, state.statuses.push(given));
    return json(404, { message: 'Not Found' });
  });
  return { ...server, state, sha };
}

test('on GitHub there is one comment a pull request and experiment, written anew, and a verdict is a status of the deployment', async (t) => {
  const { port, url, state, seen, sha } = await github(t);
  const told = only(`by: github, repository: acme/payments, tokenEnv: TOKEN, api: "${url}", deployments: true`, port, {
    TOKEN: 'hush-hush',
  });
  const about = { experiment: 'keys--away', revision: `git ${sha}` };
  const tell = (notice: Partial<Notice>) => codeOf(told.deliver(deliveryOf({ ...about, ...notice }), soon()));
  await tell({ topic: 'started', headline: 'it begins' });
  await tell({ verdict: 'vulnerable', headline: 'Vulnerable: @team <img src=x> #1 | `x`' });
  await tell({ verdict: 'vulnerable', headline: 'Vulnerable: @team <img src=x> #1 | `x`' });
  t.equal(state.comments.length, 101, 'one comment, on the second page');
  t.match(
    state.comments[100]?.body,
    /^<!-- haldane: payments test keys%2D%2Daway [0-9a-f]{64} -->\n### Vulnerable: @\u200bteam \\<img src=x\\> \\#1 \\\| \\`x\\`/,
  );
  t.match(state.statuses, [{ state: 'failure', environment: 'test', auto_inactive: false }, {}]);
  await tell({ experiment: 'another', verdict: 'resilient' });
  t.equal(state.comments.length, 102);
  t.match(state.statuses[2], { state: 'success' });
  await tell({ verdict: 'inconclusive' });
  await tell({ topic: 'stopped', verdict: null });
  t.equal(state.statuses.length, 3, 'what is not known is not said of a deployment');
  state.tired = 1;
  const { code, details } = await tell({ topic: 'started' });
  t.equal(code, 'throttled');
  t.ok((details as { afterMs: number }).afterMs > 20_000, 'until GitHub has forgotten');
  const before = seen.length;
  t.equal((await tell({ revision: 'v1.2' })).code, 'resolved', 'no commit, nobody to tell');
  t.equal(seen.length, before);
  t.equal((await tell({ revision: 'b'.repeat(40) })).code, 'resolved', 'a commit of another repository');
  const count = state.comments.length;
  await tell({ topic: 'came-in', experiment: 'third', revision: 'b'.repeat(40), cameInWith: sha });
  t.match(state.comments.slice(count), [{ body: /^<!-- haldane: payments test third/ }], 'whoever brought the flaw is told, too');
  const stranger = only(`by: github, repository: acme/payments, tokenEnv: TOKEN, api: "${url}"`, port, { TOKEN: 'wrong' });
  t.match(await codeOf(stranger.deliver(deliveryOf(about), soon())), { code: 'denied', message: 'it answered 401: Bad credentials' });
});

test('on GitHub nobody can have Haldane write into a comment of theirs: its mark is keyed, and of one pull request', async (t) => {
  const { port, url, state, sha } = await github(t);
  const told = only(`by: github, repository: acme/payments, tokenEnv: TOKEN, api: "${url}"`, port, { TOKEN: 'hush-hush' });
  const tell = async (pull: number, comments: readonly string[]) => {
    state.pull = pull;
    state.comments = comments.map((body, n) => ({ id: n + 1, body }));
    await told.deliver(deliveryOf({ experiment: 'keys', revision: sha }), soon());
    return state.comments.map(({ body }) => body);
  };
  const guessed = '<!-- haldane: payments test keys -->\nmine';
  const [first, ours = ''] = await tell(7, [guessed]);
  t.equal(first, guessed, 'a guessed mark is nobody’s');
  const [mark = ''] = ours.split('\n');
  t.match(mark, /^<!-- haldane: payments test keys [0-9a-f]{64} -->$/);
  t.equal((await tell(7, [ours])).length, 1, 'ours is written anew');
  const copied = `${mark}\nmine`;
  const [kept, other = ''] = await tell(8, [copied]);
  t.equal(kept, copied, 'a mark that was read elsewhere is of no use on another pull request');
  t.match(other, /^<!-- haldane: payments test keys /);
});

test('who is on call hears of every start and end, others of what they asked for, and the documented file is a good one', async (t) => {
  const page = await readFile(new URL('../../../docs/notifications.md', import.meta.url), 'utf8');
  const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const { tell } = readNotify(shown, 'docs/notifications.md');
  const told = (topic: Notice['topic'], service = 'payments', environment = 'production') =>
    [...whoIsTold(tell, { topic, service, environment, team: null })].sort();
  for (const topic of ['started', 'stopped', 'verdict', 'stuck', 'restored'] as const) t.ok(told(topic).includes('payments-oncall'), topic);
  t.same(told('break-glass'), ['security']);
  t.same(told('started', 'orders'), []);
  t.same(told('break-glass', 'orders'), ['security']);
  const silence = [{ where: {}, onCall: ['ann'], receivers: [], about: ['break-glass'] }] as const;
  t.same(whoIsTold(silence, { topic: 'started', service: 'a', environment: 'b', team: null }), ['ann'], 'no rule keeps it from them');
  t.same(whoIsTold([{ ...silence[0], where: { team: 'x' } }], { topic: 'started', service: 'a', environment: 'b', team: null }), []);
});

test('a file that would tell nobody, or without a secret, is refused with its place and a fix', async (t) => {
  const refused = (text: string, words: RegExp) =>
    t.throws(() => readNotify(text, 'notify.yaml'), { code: 'bad-document', message: words });
  const tail = '\ntell: [{ receivers: [a] }]';
  refused(
    `receivers: [{ name: a, by: slack, urlEnv: U }]\ntell: [{ receivers: [b] }]`,
    /tell\[0\]\.receivers\[0\][\s\S]*there is no receiver "b"; known: a/,
  );
  refused(`receivers: [{ name: a, by: slack, urlEnv: U }]\ntell: [{ about: [stuck] }]`, /it tells nobody/);
  refused(`receivers: [{ name: a, by: slack }]${tail}`, /a slack needs urlEnv/);
  refused(`receivers: [{ name: a, by: slack, urlEnv: U, secretEnv: S }]${tail}`, /a slack has no secretEnv/);
  refused(`receivers: [{ name: a, by: webhook, secretEnv: S }]${tail}`, /url, or urlEnv/);
  refused(`receivers: [{ name: a, by: github, tokenEnv: S }]${tail}`, /a github needs repository/);
  refused(`receivers: [{ name: a, by: mail }]${tail}`, /webhook/);
  refused(`receivers: [{ name: a, by: slack, urlEnv: U, buttons: true }]${tail}`, /buttons need slackApp/);
  refused(`receivers: [{ name: a, by: slack, urlEnv: U }, { name: a, by: slack, urlEnv: U }]${tail}`, /names two receivers/);
  refused(`receivers: [{ name: a, by: slack, urlEnv: U }]\ntell: [{ receivers: [a], about: [start] }]`, /started/);
  const good = readNotify(`receivers: [{ name: a, by: slack, urlEnv: NOT_SET }]${tail}`, 'notify.yaml');
  const parts = { env: {}, egress: egress([]), clock: systemClock };
  t.throws(() => notifiers(good, parts), { code: 'bad-document', message: /receiver "a" needs the variable NOT_SET, which is not set/ });
});
