import { createHmac } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { Act, Remedy } from '@haldane/core';
import { startTestDatabase } from '@haldane/store/testing';
import { sampleRun } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import type { Desk } from './desk.ts';
import { createApi } from './index.ts';

const database = await startTestDatabase();
after(() => database.stop());
const signingSecret = 'the secret of the app';
const payments = { service: 'payments', environment: 'test' };
const ann = { slack: 'T1A/UANN', login: 'ann@example.com', grants: [{ role: 'operator', team: 'mine' }] } as const;
const bob = { slack: 'T1A/UBOB', login: 'bob@example.com', grants: [{ role: 'approver', team: 'mine' }] } as const;
const eve = { slack: 'T1A/UEVE', login: 'eve@example.com', grants: [{ role: 'operator', team: 'theirs' }] } as const;

/** A listening API with a Slack app and a run of a service of the team `mine`. */
async function house(t: Test) {
  const copy = await database.copy();
  const { store } = copy;
  await store.services.register(payments, { team: 'mine', contact: '#mine' });
  const run = await store.runs.create(sampleRun());
  const said: { url: string; text: string; response_type: string }[] = [];
  const reply = async (url: string, message: object) => void said.push({ url, ...(message as { text: string; response_type: string }) });
  const scenarios = () => [{ id: 'keys-away', version: 2, title: '', when: '', expects: '', undo: '', detection: '' }];
  const app = createApi({
    desk: { store, scenarios } as unknown as Desk,
    tokens: [],
    alertTokens: [],
    onError: (error) => t.fail(String(error)),
    slack: { signingSecret, people: [ann, bob, eve], reply },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    await app.close();
    await copy.close();
  });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/slack/actions`;
  const send = async (body: string, headers: Readonly<Record<string, string>>) => {
    const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
    return { status: answer.status, said: (await answer.json()) as { pressed?: string; done?: boolean; detail?: string } };
  };
  const acts = async () => (await store.audit.read(0, 1_000)).map(({ body }) => JSON.parse(body) as Act);
  return { store, run, said, send, url, acts };
}

let presses = 0;
/** The body of a press, each another as Slack's are. */
function pressBody(who: string, remedy: unknown, actionId = 'haldane-0'): string {
  const [team, id] = who.split('/');
  presses += 1;
  const actions = [{ action_id: actionId, value: JSON.stringify(remedy) }];
  const payload = {
    type: 'block_actions',
    trigger_id: presses,
    team: { id: team },
    user: { id },
    actions,
    response_url: 'https://hooks.slack.com/x',
  };
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}

function signed(body: string, at = Math.floor(Date.now() / 1000), secret = signingSecret): Readonly<Record<string, string>> {
  const mac = createHmac('sha256', secret).update(`v0:${at}:${body}`).digest('hex');
  return { 'x-slack-request-timestamp': String(at), 'x-slack-signature': `v0=${mac}` };
}

test('a button does what its presser may do, in their name, and the audit log has it as theirs', async (t) => {
  const { store, run, said, send, acts } = await house(t);
  const press = (who: string, remedy: Remedy) => {
    const body = pressBody(who, remedy);
    return send(body, signed(body));
  };
  const abort: Remedy = { do: 'abort', runId: run.id };
  t.match(await press(eve.slack, abort), { status: 200, said: { done: false } });
  t.equal((await store.runs.get(run.id))?.abortAsked, null, 'she has no role in that team');
  t.match(said.at(-1), { response_type: 'ephemeral', text: /Nothing was done: eve@example\.com may not abort/ });
  t.match(await press('T1A/USTRANGER', abort), { status: 200, said: { done: false } });
  t.match(await press('T2B/UANN', abort), { status: 200, said: { done: false } }, 'the same member of another workspace');
  t.match(said.at(-1), { response_type: 'ephemeral', text: /does not know you yet, so nothing was done.*T2B\/UANN/ });
  t.equal((await store.runs.get(run.id))?.abortAsked, null);
  t.match(await press(ann.slack, abort), { status: 200, said: { pressed: 'abortRun', done: true } });
  t.equal((await store.runs.get(run.id))?.abortAsked, 'pressed in Slack by T1A/UANN');
  t.match(said.at(-1), { url: 'https://hooks.slack.com/x', response_type: 'in_channel', text: `ann@example.com stopped run ${run.id}.` });

  const approve: Remedy = { do: 'approve', ...payments, scenario: 'keys-away' };
  t.match(await press(ann.slack, approve), { said: { done: false } }, 'who runs does not approve');
  t.match(await press(bob.slack, approve), { said: { done: true } });
  t.match(await press(bob.slack, approve), { said: { done: true } });
  t.same(
    await store.policy.approvals(payments, 'keys-away', 2),
    ['bob@example.com'],
    'one person counts once, here and at the command line',
  );
  t.match(await press(bob.slack, { do: 'resolve', ...payments, experiment: 'keys-away', revision: 'abc' }), { said: { done: false } });

  const log = (await acts()).map(({ who, token, did, outcome, from }) => [who, token, did, outcome, from].join(' '));
  for (const line of [
    'eve@example.com slack:T1A/UEVE abortRun refused 127.0.0.1',
    'slack:T1A/USTRANGER  abortRun refused 127.0.0.1',
    'ann@example.com slack:T1A/UANN abortRun allowed 127.0.0.1',
    'ann@example.com slack:T1A/UANN approveScenario refused 127.0.0.1',
    'bob@example.com slack:T1A/UBOB approveScenario allowed 127.0.0.1',
    'bob@example.com slack:T1A/UBOB resolveFinding refused 127.0.0.1',
  ])
    t.ok(log.includes(line), `${line}\nis in\n${log.join('\n')}`);
});

test('what Slack did not sign, signed long ago, or was brought before, does nothing', async (t) => {
  const { store, run, send, acts, url } = await house(t);
  const body = pressBody(ann.slack, { do: 'abort', runId: run.id });
  const now = Math.floor(Date.now() / 1000);
  const good = signed(body);
  const odd = { ...good, 'x-slack-signature': 'v0=' };
  for (const [what, headers] of Object.entries({
    'no signature': {},
    'another secret': signed(body, now, 'guessed'),
    'an old one': signed(body, now - 301),
    'one of the future': signed(body, now + 400),
    'another time': { ...good, 'x-slack-request-timestamp': String(now - 1) },
    'no number': signed(body, Number.NaN),
    'a short one': odd,
  }))
    t.equal((await send(body, headers)).status, 401, what);
  t.equal((await send(`${body}&x=1`, good)).status, 401, 'another body');
  t.equal((await store.runs.get(run.id))?.abortAsked, null);
  t.equal(
    (await acts()).filter(({ did, outcome }) => did === 'pressInSlack' && outcome === 'refused').length,
    1,
    'once a minute in the audit log',
  );
  t.match(await send(body, good), { status: 200, said: { done: true } });
  t.match(await send(body, good), { status: 401, said: { detail: /was here before/ } });
  for (const [payload, status] of [
    [pressBody(ann.slack, { do: 'abort' }), 400],
    [pressBody(ann.slack, { do: 'constructor' }), 400],
    [pressBody(ann.slack, null), 400],
    [pressBody(ann.slack, {}, 'of another app'), 200],
    ['payload={', 400],
    ['', 400],
  ] as const)
    t.equal((await send(payload, signed(payload))).status, status, payload);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const elsewhere = await fetch(new URL('/v1/logins', url), { method: 'POST', body: 'login=x', headers: form });
  t.ok(elsewhere.status >= 400 && elsewhere.status < 500, 'forms are read nowhere else');
});
