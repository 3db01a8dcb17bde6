import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import { AuditLog } from '../service/audit-log.ts';
import { until } from '../testing/until.ts';
import { startDetector } from './detector.ts';
import { readRules } from './read-rules.ts';
import type { FiredAlert, SecurityEvent } from './rule.ts';
import { RuleEngine } from './rule-engine.ts';

const file = (name: string) => readRules(readFileSync(new URL(`../../rules/${name}`, import.meta.url), 'utf8'), name);
const rules = file('rules.json');
const at = '2026-01-01T00:00:00.000Z';
const event = (fields: Record<string, unknown>): SecurityEvent => ({
  at,
  service: 'payments-sound',
  instance: 'run-1.experiment-1',
  event: 'x',
  ...fields,
});
const refreshFailed = event({ event: 'jwks-refresh-failed', reason: 'status 503', keyAgeSeconds: 6, host: '127.0.0.1:1', cold: false });
const forged = event({
  event: 'auth-failure',
  reason: 'alg-not-allowed',
  alg: 'none',
  kid: 'k',
  claimedSubject: 'synthetic-payer',
  source: '127.0.0.1',
  method: 'GET',
  route: '/accounts/me',
});

test('two failed fetches of the keys by one instance raise one alert, to the identity on-call, with everything needed to act', async (t) => {
  const engine = new RuleEngine(rules);
  t.same(engine.take(refreshFailed, 0), [], 'one failure is weather');
  const alerts = engine.take(refreshFailed, 250);
  t.match(alerts, [{ rule: 'jwks-refresh-failing', receiver: 'identity-oncall', severity: 'high' }]);
  const [alert] = alerts;
  for (const field of ['who', 'what', 'when', 'where', 'resource', 'severity', 'remediation', 'owner', 'service', 'instance']) {
    t.ok(alert?.fields[field], `${field} is filled in`);
    t.notMatch(alert?.fields[field], /[{}]|unknown/, `${field} has no gap`);
  }
  t.equal(alert?.fields['instance'], 'run-1.experiment-1');
  t.match(alert?.fields['what'], '2 fetches');
  for (let now = 500; now < 30_000; now += 250) t.same(engine.take(refreshFailed, now), [], 'silent in its cooldown');
  t.same(engine.take(refreshFailed, 40_250), [], 'counts anew after it');
  t.equal(engine.take(refreshFailed, 40_500).length, 1);
});

test('failures of different instances, or too far apart, are not added up', async (t) => {
  const engine = new RuleEngine(rules);
  t.same(engine.take(refreshFailed, 0), []);
  t.same(engine.take({ ...refreshFailed, instance: 'run-1.control-1' }, 100), []);
  t.same(engine.take(refreshFailed, 5101), []);
  t.equal(engine.take(refreshFailed, 5200).length, 1);
});

test('forged tokens alert security, honest mistakes do not', async (t) => {
  for (const reason of ['alg-not-allowed', 'unknown-kid', 'key-in-header', 'bad-signature']) {
    t.match(new RuleEngine(rules).take({ ...forged, reason }, 0), [{ rule: 'forged-token', receiver: 'security' }], reason);
  }
  t.match(new RuleEngine(rules).take({ ...forged, reason: 'wrong-claims', keySource: '127.0.0.1:9' }, 0), [{ rule: 'forged-token' }]);
  for (const reason of ['missing', 'expired', 'malformed', 'wrong-claims', 'keys-unavailable']) {
    t.same(new RuleEngine(rules).take({ ...forged, reason }, 0), [], reason);
  }
});

test('the configuration without the rule stays silent about the keys and is equal otherwise', async (t) => {
  const without = file('rules-without-jwks.json');
  const engine = new RuleEngine(without);
  for (let now = 0; now < 20_000; now += 250) t.same(engine.take(refreshFailed, now), []);
  t.same(
    without,
    rules.filter(({ name }) => name !== 'jwks-refresh-failing'),
  );
  t.equal(engine.take(event({ event: 'heartbeat', subject: 'synthetic-payer' }), 0).length, 2, 'every receiver hears the heartbeat');
});

test('a rule file that could never alert as meant is refused with all that is wrong', async (t) => {
  const bad = { rules: [{ name: 'x', sverity: 'high', any: [{}], count: 0 }, { ...rules[0] }, { ...rules[0] }] };
  const message = (() => {
    try {
      readRules(JSON.stringify(bad), 'bad.json');
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  })();
  for (const part of [
    'unknown key "sverity"',
    'severity must be one of',
    'receivers must be',
    'matches everything',
    'count must be',
    'alert.remediation',
    'two rules are named',
  ]) {
    t.match(message, part);
  }
});

test('events that a service writes reach the right webhook, also after the sink and the receiver were away', async (t) => {
  const got: { url: string; alert: FiredAlert }[] = [];
  let refuse = true;
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      if (refuse) {
        refuse = false;
        return response.writeHead(503).end();
      }
      got.push({ url: request.url ?? '', alert: JSON.parse(body) as FiredAlert });
      return response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const webhook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts/{receiver}?token=a-secret`;
  const said: unknown[] = [];
  const first = await startDetector({ port: 0, rules, webhook, say: (line) => said.push(line) });
  const port = Number(new URL(first.url).port);
  await first.close();
  const log = new AuditLog({ url: `${first.url}/events`, service: 'payments-sound', instance: 'one', flushMs: 20, keep: 3 });
  for (let n = 0; n < 5; n += 1)
    log.write({ event: 'jwks-refresh-failed', reason: 'status 503', keyAgeSeconds: n, host: 'h', cold: false });
  await log.flush();
  const detector = await startDetector({ port, rules, webhook, say: (line) => said.push(line) });
  t.teardown(async () => {
    await log.close();
    await detector.close();
    receiver.close();
    receiver.closeAllConnections();
  });
  const { url, alert } = await until('the alert', () => got[0]);
  t.equal(url, '/alerts/identity-oncall?token=a-secret');
  t.equal(alert.rule, 'jwks-refresh-failing');
  t.notMatch(JSON.stringify(said), 'a-secret', 'the token of the webhook is in no log line');
  const bad = await fetch(`${detector.url}/events`, { method: 'POST', body: '{"event":"x"}\n' });
  t.equal(bad.status, 400);
  t.match(await bad.json(), { error: 'line 1 has no service' });
});
