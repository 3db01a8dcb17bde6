import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, type Desk, type Permit } from '@haldane/api';
import { HaldaneClient } from '@haldane/client';
import { type Act, type Remedy, systemClock, wholeScope } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { after, type Test, test } from 'tap';
import { takeBackUnanswered } from '../../services/standalone/src/take-back.ts';
import { heraldOf, tellingOf } from '../../services/standalone/src/telling.ts';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { jsonServer } from '../testing/json-server.ts';

allowSeconds(240);
const database = await startTestDatabase();
after(() => database.stop());
const payments = { service: 'payments', environment: 'test' };
const own = 'the token of the house';
const hourMs = 3_600_000;

type Message = {
  readonly to: string;
  readonly text: string;
  readonly values: readonly Remedy[];
};

/** An API that can be started again, whoever carries its news, and a Slack that notes what it is told. */
async function house(t: Test, wasThatYou = 'wasThatYou: { ask: oncall, withinMinutes: 60 }') {
  const copy = await database.copy();
  const { store } = copy;
  const told: Message[] = [];
  const slack = { status: 200 };
  const hooks = await jsonServer(({ url, body }) => {
    const { text, blocks } = JSON.parse(body) as { text: string; blocks: { elements?: { value?: string }[] }[] };
    const values = blocks.flatMap(({ elements = [] }) =>
      elements.flatMap(({ value }) => (value === undefined ? [] : [JSON.parse(value) as Remedy])),
    );
    told.push({ to: url.pathname.slice(1), text, values });
    return { status: slack.status, json: {} };
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-rights-'));
  await writeFile(
    join(dataDir, 'haldane.notify.yaml'),
    `allow: ["${new URL(hooks.address).host}"]
receivers:
  - { name: oncall, by: slack, urlEnv: ONCALL, buttons: true }
  - { name: security, by: slack, urlEnv: SECURITY }
tell:
  - { receivers: [security], about: [rights-changed, rights-taken-back] }
slackApp:
  signingSecretEnv: SIGNING
  people:
    - { slack: T1A/UANN, login: ann@example.com, grants: [{ role: operator, team: mine }] }
    - { slack: T1A/UBOB, login: bob@example.com, grants: [{ role: admin, team: mine }] }
  ${wasThatYou}
`,
  );
  const env = { ONCALL: `${hooks.address}/oncall`, SECURITY: `${hooks.address}/security`, SIGNING: 'the signing secret' };
  await store.services.register(payments, { team: 'mine', contact: '#mine' });
  const telling = await tellingOf({ dataDir, env, clock: systemClock, gitHubApp: null });
  const app = telling?.slack ?? null;
  if (telling === null || app === null) throw new Error('nobody is told');
  const options = {
    desk: {
      store,
      deploy: async (_file: string, permit: Permit) => permit(payments, { team: 'theirs', contact: '#theirs' }),
    } as unknown as Desk,
    tokens: [own],
    alertTokens: [],
    onError: (error: unknown) => t.fail(String(error)),
  };
  let api = createApi({ ...options, slack: app });
  const listen = async () => {
    await api.listen({ host: '127.0.0.1', port: 0 });
    return `http://127.0.0.1:${(api.server.address() as AddressInfo).port}`;
  };
  const address = await listen();
  let pressedAt = address;
  t.teardown(async () => {
    await api.close();
    await copy.close();
    await hooks.close();
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  const restart = async () => {
    await api.close();
    api = createApi({ ...options, slack: app });
    pressedAt = await listen();
  };
  const carry = async () => {
    const nobody = { report: async () => Promise.reject(new Error('no run')) } as never;
    await heraldOf(telling, {
      store,
      house: nobody,
      pools: [],
      onTrouble: (what, error) => t.fail(`${what}: ${error}`),
      clock: systemClock,
    }).round();
    return told.splice(0);
  };
  const as = async (subject: string, team = 'mine') => {
    const token = { subject, grants: [{ role: 'admin', team }], scope: wholeScope, madeBy: 'a test', livesMs: 10 * hourMs } as const;
    const { secret } = await store.tokens.issue(token);
    return new HaldaneClient({ address, token: secret });
  };
  const wish = { subject: 'ci', grants: [{ role: 'operator' as const, team: 'mine' }], lives: 36_000 };
  const opens = async (secret: string) => (await store.tokens.open(secret)) !== null;
  const acts = async () => (await store.audit.read(0, 1_000)).map(({ body }) => JSON.parse(body) as Act);
  /** Presses a button of a message; `secret`: what Slack signs with. */
  const press = async (member: string, remedy: Remedy | undefined, secret = env.SIGNING) => {
    presses += 1;
    const [team, id] = member.split('/');
    const actions = [{ action_id: 'haldane-0', value: JSON.stringify(remedy) }];
    const payload = JSON.stringify({ type: 'block_actions', trigger_id: presses, team: { id: team }, user: { id }, actions });
    const body = new URLSearchParams({ payload }).toString();
    const at = String(Math.floor(Date.now() / 1000));
    const mac = createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex');
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': at,
      'x-slack-signature': `v0=${mac}`,
    };
    const answer = await fetch(`${pressedAt}/slack/actions`, { method: 'POST', body, headers });
    return { status: answer.status, done: ((await answer.json()) as { done?: boolean }).done };
  };
  return { copy, store, slack, address, restart, carry, as, wish, opens, acts, press };
}

let presses = 0;

test('whoever makes a token that may do something is asked in Slack, and nobody else, nor a token, can say that it was them', async (t) => {
  const { copy, store, address, restart, carry, as, wish, opens, acts, press } = await house(t);
  const ann = await as('ann@example.com');
  const { secret } = await ann.makeToken(wish);
  await ann.makeToken({ ...wish, grants: [{ role: 'viewer', team: 'mine' }] });
  const messages = await carry();
  t.same(messages.map(({ to }) => to).sort(), ['oncall', 'security'], 'once each, and a viewer is nothing to ask about');
  const asked = messages.find(({ to }) => to === 'oncall');
  t.match(asked?.text, 'ann@example.com made a token for ci: operator of mine. ann@example.com, was that you?');
  t.same(messages.find(({ to }) => to === 'security')?.values, [], 'no buttons where none are wanted');
  const [yes, no] = asked?.values ?? [];
  t.match([yes, no], [{ do: 'was-me' }, { do: 'was-not-me' }]);
  t.match(await press('T1A/UBOB', yes), { status: 200, done: false }, 'another person, though an admin');
  t.match(await press('T1A/UBOB', no), { status: 200, done: false });
  t.match(await press('T1A/UANN', yes, 'guessed'), { status: 401 });
  const { change } = yes as { change: string };
  const byToken = await fetch(`${address}/v1/rights/${change}/answer`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: '{"mine":true}',
  });
  t.equal(byToken.status, 403, 'whoever stole her token has it, too');
  t.match(await store.rights.get(change), { answered: null });
  await restart();
  t.match(await press('T1A/UANN', yes), { status: 200, done: true });
  t.match(await press('T1A/UANN', no), { status: 200, done: false }, 'the first answer counts');
  await copy.letPass(2 * hourMs);
  await takeBackUnanswered(store);
  t.equal(await opens(secret), true);
  t.same(await carry(), []);
  t.match(
    (await acts())
      .filter(({ did }) => did === 'answerRightsChange')
      .map(({ who, token, outcome, code }) => [who, token?.slice(0, 6), outcome, code]),
    [
      ['bob@example.com', 'slack:', 'allowed', null],
      ['bob@example.com', 'slack:', 'failed', 'forbidden'],
      ['bob@example.com', 'slack:', 'allowed', null],
      ['bob@example.com', 'slack:', 'failed', 'forbidden'],
      ['ci', /^t/, 'allowed', null],
      ['ci', /^t/, 'failed', 'forbidden'],
      ['ann@example.com', 'slack:', 'allowed', null],
      ['ann@example.com', 'slack:', 'allowed', null],
      ['ann@example.com', 'slack:', 'failed', 'conflict'],
    ],
  );
});

test('no, or silence, ends the token and all that was made with it, is written down and told; an answer that is late changes nothing', async (t) => {
  const { copy, store, restart, carry, as, wish, opens, acts, press, address } = await house(t);
  const ann = await as('ann@example.com');
  const admin = await ann.makeToken({ ...wish, grants: [{ role: 'admin', team: 'mine' }] });
  const [, no] = (await carry()).find(({ to }) => to === 'oncall')?.values ?? [];
  const further = await new HaldaneClient({ address, token: admin.secret }).makeToken(wish);
  const last = await new HaldaneClient({ address, token: admin.secret }).makeToken({ ...wish, subject: 'another' });
  t.match((await carry())[0]?.text, /ci made a token for ci: operator of mine$/, 'who is nobody of Slack cannot be asked');
  t.match(await press('T1A/UANN', no), { done: true });
  t.same(await Promise.all([admin, further, last].map(({ secret }) => opens(secret))), [false, false, false]);
  t.match(await carry(), [{ to: 'security', text: /^Taken back: ann@example.com made a token for ci: admin of mine$/ }]);

  const silent = await ann.makeToken(wish);
  const [yes] = (await carry()).find(({ to }) => to === 'oncall')?.values ?? [];
  await copy.letPass(hourMs - 60_000);
  await takeBackUnanswered(store);
  t.equal(await opens(silent.secret), true, 'not yet');
  await copy.letPass(120_000);
  await restart();
  t.match(await press('T1A/UANN', yes), { done: false }, 'late');
  t.equal(await opens(silent.secret), true);
  await Promise.all([takeBackUnanswered(store), takeBackUnanswered(store)]);
  t.equal(await opens(silent.secret), false);
  t.match(await press('T1A/UANN', yes), { done: false });
  t.match(await carry(), [{ to: 'security', text: /^Taken back/ }], 'told once');
  t.match(
    (await acts()).find(({ did }) => did === 'takeBackRights'),
    { who: 'Haldane', to: `token ${silent.token.id} of ci`, detail: { author: 'ann@example.com' } },
  );
});

test('a service that was given to another team goes back, unless it has a third owner by now', async (t) => {
  const { store, carry, press, address } = await house(t);
  const secret = (
    await store.tokens.issue({
      ...{ subject: 'ann@example.com', scope: wholeScope, madeBy: 'a test', livesMs: hourMs },
      grants: ['mine', 'theirs', 'third'].map((team) => ({ role: 'admin', team }) as const),
    })
  ).secret;
  const give = async (team: string) =>
    fetch(`${address}/v1/services/payments/test/owner`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ team, contact: `#${team}` }),
    }).then(({ status }) => t.equal(status, 200));
  const teamNow = async () => (await store.services.get(payments))?.owner;
  await give('theirs');
  const first = (await carry()).find(({ to }) => to === 'oncall');
  t.match(first?.text, /^ann@example.com gave payments \(test\) from team mine to theirs\. ann@example\.com, was that you\?$/);
  t.match(await press('T1A/UANN', first?.values[1]), { done: true });
  t.same(await teamNow(), { team: 'mine', contact: '#mine' });
  await carry();
  await give('theirs');
  const second = (await carry()).find(({ to }) => to === 'oncall');
  await give('third');
  t.match(await press('T1A/UANN', second?.values[1]), { done: true });
  t.same(await teamNow(), { team: 'third', contact: '#third' }, 'what somebody has set since is kept');
});

test('what nobody can be asked about stays, or is taken back, as is declared, and nothing is asked when nothing is', async (t) => {
  const strict = await house(t, 'wasThatYou: { ask: oncall, withinMinutes: 60, otherwise: take-back }');
  const made = await new HaldaneClient({ address: strict.address, token: own }).makeToken(strict.wish);
  await strict.copy.letPass(2 * hourMs);
  await takeBackUnanswered(strict.store);
  t.equal(await strict.opens(made.secret), false);

  const quiet = await house(t, '');
  const kept = await (await quiet.as('ann@example.com')).makeToken(quiet.wish);
  t.same(await quiet.carry(), []);
  await quiet.copy.letPass(2 * hourMs);
  await takeBackUnanswered(quiet.store);
  t.equal(await quiet.opens(kept.secret), true);
});

test('a file that moves a service is asked about, too', async (t) => {
  const { store, carry, address } = await house(t);
  const grants = ['mine', 'theirs'].map((team) => ({ role: 'admin', team }) as const);
  const token = { subject: 'ann@example.com', scope: wholeScope, madeBy: 'a test', livesMs: hourMs, grants };
  const { secret } = await store.tokens.issue(token);
  const answer = await fetch(`${address}/v1/services`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: '{"file":"/payments/service.yaml"}',
  });
  t.equal(answer.status, 200, await answer.text());
  t.match(
    (await carry()).find(({ to }) => to === 'oncall')?.text,
    /^ann@example.com gave payments \(test\) from team mine to theirs\. ann@example\.com, was that you\?$/,
  );
});

test('silence begins when the question has arrived: a Slack that is away takes nothing back', async (t) => {
  const { copy, store, slack, carry, as, wish, opens, acts } = await house(t);
  const ann = await as('ann@example.com');
  const late = await ann.makeToken(wish);
  slack.status = 500;
  await carry();
  await copy.letPass(2 * hourMs);
  await takeBackUnanswered(store);
  t.equal(await opens(late.secret), true, 'nobody was asked');
  slack.status = 200;
  t.match((await carry()).find(({ to }) => to === 'oncall')?.text, /was that you/);
  await takeBackUnanswered(store);
  t.equal(await opens(late.secret), true, 'an hour from now');
  await copy.letPass(hourMs + 1_000);
  const overdue = await store.rights.overdue();
  t.match(overdue, { length: 1 });
  await takeBackUnanswered(store);
  t.equal(await opens(late.secret), false);
  await takeBackUnanswered({
    audit: store.audit,
    rights: { ...store.rights, settle: store.rights.settle.bind(store.rights), overdue: async () => overdue } as typeof store.rights,
  });
  t.match(
    (await acts()).filter(({ did }) => did === 'takeBackRights').map(({ outcome, code }) => [outcome, code]),
    [
      ['allowed', null],
      ['allowed', null],
      ['failed', 'conflict'],
    ],
    'whoever comes second says that it did nothing',
  );

  const never = await ann.makeToken(wish);
  slack.status = 410;
  await carry();
  t.ok((await acts()).some(({ did, to, outcome }) => did === 'tell' && to === 'receiver oncall' && outcome === 'failed'));
  await copy.letPass(2 * hourMs);
  await takeBackUnanswered(store);
  t.equal(await opens(never.secret), true, 'and the audit log says that it was not asked');
});
