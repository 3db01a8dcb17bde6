import type { Alert, Reading } from '@haldane/core';
import { test } from 'tap';
import { parseAlerts } from '../parse-alerts.ts';
import { webhookAlerts } from './webhook-alerts.ts';

const generic = {
  rule: 'jwks-refresh-failing',
  severity: 'high',
  summary: 's',
  receiver: 'claimed',
  card: 'CANARY-4111',
  fields: { who: 'run-1.experiment-1', where: 'here', user: 'CANARY-NAME', resource: { deep: 'CANARY' } },
};

test('a generic alert keeps what is on the list and nothing else', async (t) => {
  const [alert] = parseAlerts('identity-oncall', generic, 1000);
  t.match(alert, { receiver: 'identity-oncall', rule: 'jwks-refresh-failing', severity: 'high', receivedAt: 1000 });
  t.same(alert?.fields, { who: 'run-1.experiment-1', where: 'here', severity: 'high', rule: 'jwks-refresh-failing', summary: 's' });
  t.notMatch(JSON.stringify(alert), 'CANARY');
  t.equal(parseAlerts('r', { rule: 'x', what: 'w'.repeat(999) }, 1)[0]?.fields.what?.length, 300);
});

test('a webhook of Alertmanager gives one alert for each that fires', async (t) => {
  const body = {
    version: '4',
    receiver: 'claimed',
    commonLabels: { secret: 'CANARY' },
    alerts: [
      {
        status: 'firing',
        fingerprint: 'f1',
        startsAt: '2026-01-01T00:00:00Z',
        labels: { alertname: 'Keys', severity: 'critical', instance: 'i-1', pod: 'CANARY' },
        annotations: { summary: 'gone', runbook_url: 'https://r' },
      },
      { status: 'resolved', fingerprint: 'f2', labels: { alertname: 'Keys' } },
    ],
  };
  const alerts = parseAlerts('oncall', body, 5);
  t.match(alerts, [
    {
      rule: 'Keys',
      severity: 'critical',
      receiver: 'oncall',
      fields: { instance: 'i-1', summary: 'gone', runbook: 'https://r', when: '2026-01-01T00:00:00Z' },
    },
  ]);
  t.equal(alerts.length, 1);
  t.notMatch(JSON.stringify(alerts), 'CANARY');
});

test('the same firing told again has the same id, another one has not', async (t) => {
  const firing = (startsAt: string) => ({ alerts: [{ fingerprint: 'f', startsAt, labels: { alertname: 'A' } }] });
  const id = (body: unknown, at: number) => parseAlerts('r', body, at)[0]?.id;
  t.equal(id(firing('a'), 1), id(firing('a'), 2));
  t.not(id(firing('a'), 1), id(firing('b'), 2));
  t.equal(id({ ...generic, id: '7' }, 1), id({ ...generic, id: '7' }, 2));
  t.not(id(generic, 1), id(generic, 2), 'without an id of the sender two arrivals are two alerts');
});

test('what is no alert is refused in words', async (t) => {
  const cases: [unknown, RegExp][] = [
    [null, /must be a JSON object/],
    [[], /must be a JSON object/],
    ['x', /must be a JSON object/],
    [{}, /no "rule"/],
    [{ rule: {} }, /no "rule"/],
    [{ alerts: ['x'] }, /alerts\[0\] is not an object/],
    [{ alerts: [{ labels: {} }] }, /no label "alertname"/],
    [{ alerts: Array.from({ length: 101 }, () => ({})) }, /at most 100/],
  ];
  for (const [body, message] of cases) t.throws(() => parseAlerts('r', body, 1), { code: 'bad-request', message });
});

test('the source tells apart alerts, none, and an inbox that does not answer', async (t) => {
  const signal = new AbortController().signal;
  const alert = (receivedAt: number): Alert => ({ id: `${receivedAt}`, receiver: 'r', rule: 'x', severity: 'low', receivedAt, fields: {} });
  const source = (alerts: () => Promise<Reading<Alert>>) =>
    webhookAlerts({ inbox: { alerts } }).alerts('run', { from: 10, to: 20 }, signal);
  t.match(await source(async () => ({ state: 'ok', points: [alert(21), alert(20), alert(10), alert(9)] })), {
    state: 'ok',
    points: [{ receivedAt: 10 }, { receivedAt: 20 }],
  });
  t.match(await source(async () => ({ state: 'ok', points: [alert(30)] })), { state: 'no-data' });
  t.match(await source(async () => ({ state: 'unavailable', why: 'down' })), { state: 'unavailable', why: 'down' });
  t.match(await source(async () => Promise.reject(new Error('gone'))), { state: 'unavailable', why: 'gone' });
  t.equal(webhookAlerts({ inbox: { alerts: async () => ({ state: 'no-data' }) } }).id, 'webhook');
});
