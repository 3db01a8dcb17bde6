import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VirtualClock } from '@haldane/testkit';
import { type Test, test } from 'tap';
import { alarmHistory } from './alarm-history.ts';
import { connectAlarms } from './connect-alarms.ts';
import { noReceiver } from './from-history.ts';

/*
 * Recorded: moto knows no alarm history, so these are answers of the shape that AWS documents, given by a server of this test that speaks the protocol to the
 * real SDK, by name, window and page.
 */

const startMs = 1_800_000_000_000;
const minute = 60_000;
const { signal } = new AbortController();
const topicArn = (topic: string) => `arn:aws:sns:eu-west-1:123456789012:${topic}`;

type Item = Readonly<Record<string, unknown>> & { readonly AlarmName: string; readonly Timestamp: number };

/** A change of state, in AWS's own words and fields. Times are seconds in the protocol. */
function changed(alarm: string, at: number, more: Readonly<Record<string, unknown>> = {}, [from, to] = ['OK', 'ALARM']): Item {
  return {
    AlarmName: alarm,
    AlarmType: 'MetricAlarm',
    Timestamp: at / 1000,
    HistoryItemType: 'StateUpdate',
    HistorySummary: `Alarm updated from ${from} to ${to}`,
    HistoryData: JSON.stringify({
      version: '1.0',
      oldState: { stateValue: from, stateReason: 'Threshold Crossed: 1 datapoint was not greater than the threshold (0.0).' },
      newState: {
        stateValue: to,
        stateReason: 'Threshold Crossed: 1 datapoint [3.0] was greater than the threshold (0.0).',
        stateReasonData: { version: '1.0', statistic: 'Sum', period: 60, recentDatapoints: [3], threshold: 0 },
      },
    }),
    ...more,
  };
}

/** What an action of an alarm did. */
function told(alarm: string, at: number, resource: string, more: Readonly<Record<string, unknown>> = {}): Item {
  return {
    AlarmName: alarm,
    AlarmType: 'MetricAlarm',
    Timestamp: at / 1000,
    HistoryItemType: 'Action',
    HistorySummary: `Successfully executed action ${resource}`,
    HistoryData: JSON.stringify({ actionState: 'Succeeded', notificationResource: resource }),
    ...more,
  };
}

type Asked = {
  readonly AlarmName: string;
  readonly StartDate: number;
  readonly EndDate: number;
  readonly NextToken?: string;
  readonly AlarmTypes: readonly string[];
};
type Refused = { readonly status: number; readonly error: string; readonly said: string };

/** CloudWatch with this history, two entries a page, and a source that asks it. */
async function account(t: Test, items: Item[], rules: readonly string[] = ['sg-open'], heartbeat: string | undefined = 'alive') {
  const asked: Asked[] = [];
  const state: { refuse: ((one: Asked, count: number) => Refused | null) | null } = { refuse: null };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.once('end', () => {
      const one = JSON.parse(text) as Asked;
      asked.push(one);
      const refused = state.refuse?.(one, asked.length) ?? null;
      const answer = (status: number, body: unknown) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
      if (refused !== null) return answer(refused.status, { __type: refused.error, message: refused.said });
      const those = items
        .filter(({ AlarmName, Timestamp }) => AlarmName === one.AlarmName && Timestamp >= one.StartDate && Timestamp <= one.EndDate)
        .toSorted((a, b) => a.Timestamp - b.Timestamp);
      const first = Number(one.NextToken ?? 0);
      const rest = first + 2 < those.length ? { NextToken: `${first + 2}` } : {};
      return answer(200, { AlarmHistoryItems: those.slice(first, first + 2), ...rest });
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.teardown(() => server.close());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = new VirtualClock(startMs + 10 * minute);
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const open = () =>
    alarmHistory({ read: connectAlarms({ region: 'eu-west-1', endpoint, credentials, tries: 1 }), clock, rules, heartbeat });
  const source = open();
  const look = (to = startMs + 10 * minute, by = source) => by.alerts('r1', { from: startMs, to }, signal);
  const advise = () => source.advise?.(signal);
  return { asked, state, look, advise, open, server };
}

test('recorded: each time an alarm went off is an alert for each topic that was told, over pages, by name, within the window', async (t) => {
  const at = startMs + minute;
  const { look, asked, open } = await account(t, [
    changed('sg-open', startMs - 1),
    told('sg-open', startMs - 1, topicArn('before')),
    changed('sg-open', at),
    told('sg-open', at, topicArn('oncall')),
    told('sg-open', at + 20, topicArn('security'), { HistoryData: JSON.stringify({ actionState: 'Succeeded' }) }),
    told('sg-open', at, 'arn:aws:automate:eu-west-1:ec2:stop'),
    told('sg-open', at, topicArn('nobody'), {
      HistorySummary: `Failed to execute action ${topicArn('nobody')}. Reason: AuthorizationError`,
      HistoryData: JSON.stringify({ actionState: 'Failed', notificationResource: topicArn('nobody') }),
    }),
    changed('sg-open', at + minute, {}, ['ALARM', 'OK']),
    told('sg-open', at + minute, topicArn('all-clear')),
    changed('alive', at + 2 * minute, { AlarmType: 'CompositeAlarm' }, ['INSUFFICIENT_DATA', 'ALARM']),
    changed('others', at),
  ]);
  const reading = await look();
  t.equal(reading.state, 'ok');
  const points = reading.state === 'ok' ? reading.points : [];
  t.same(
    points.map(({ rule, receiver, receivedAt }) => [rule, receiver, receivedAt]),
    [
      ['sg-open', 'oncall', at],
      ['sg-open', 'security', at],
      ['alive', noReceiver, at + 2 * minute],
    ],
  );
  t.same(points[0]?.fields, {
    rule: 'sg-open',
    when: new Date(at).toISOString(),
    summary: 'Threshold Crossed: 1 datapoint [3.0] was greater than the threshold (0.0).',
    source: 'aws.cloudwatch',
  });
  t.ok(asked.filter(({ NextToken }) => NextToken !== undefined).length >= 3, 'page by page');
  t.same([...new Set(asked.map(({ AlarmName }) => AlarmName))].sort(), ['alive', 'sg-open'], 'and of no other alarm');
  t.ok(asked[0]?.AlarmTypes.includes('CompositeAlarm'), 'which nobody is told of who does not ask');
  const ids = async (by?: ReturnType<typeof open>) => {
    const again = await look(undefined, by);
    return again.state === 'ok' ? again.points.map(({ id }) => id) : [];
  };
  t.same(
    await ids(open()),
    points.map(({ id }) => id),
    'another runner knows them by the same ids',
  );
});

test('recorded: one of an alarm’s several series is told by its own attributes', async (t) => {
  const at = startMs + minute;
  const one = {
    AlarmContributorId: 'c1',
    AlarmContributorAttributes: { InstanceId: 'i-0experiment' },
    HistoryItemType: 'AlarmContributorStateUpdate',
  };
  const { look } = await account(t, [
    changed('sg-open', at),
    changed('sg-open', at, one),
    told('sg-open', at, topicArn('oncall'), { ...one, HistoryItemType: 'AlarmContributorAction' }),
  ]);
  t.match(await look(), {
    state: 'ok',
    points: [{ receiver: noReceiver }, { receiver: 'oncall', fields: { resource: 'i-0experiment' } }],
  });
});

test('recorded: what comes late is told at a later look, once, and a change whose actions are not told yet is waited for', async (t) => {
  const at = startMs + minute;
  const items: Item[] = [];
  const { look } = await account(t, items);
  t.same(await look(at + 1_000), { state: 'no-data' });
  items.push(changed('sg-open', at));
  t.same(await look(at + 30_000), { state: 'no-data' }, 'who was told is not known yet');
  items.push(
    told('sg-open', at + 900, topicArn('oncall'), { HistoryData: JSON.stringify({ actionState: 'Succeeded', stateUpdateTimestamp: at }) }),
  );
  const first = await look(at + 40_000);
  t.match(first, { state: 'ok', points: [{ receiver: 'oncall', receivedAt: at }] });
  items.push({ ...changed('sg-open', at) });
  t.same(await look(at + 50_000), first, 'the same entry twice is one alert');
  t.same(await look(at + 5 * minute), first, 'and stays it');
});

test('recorded: data that is cut off or no JSON leaves what the summary says; where that says nothing either, nobody knows', async (t) => {
  const at = startMs + minute;
  const items = [
    changed('sg-open', at, { HistoryData: '{"version":"1.0","oldState":{"stateVa' }),
    told('sg-open', at, topicArn('oncall'), { HistoryData: 'null' }),
    changed('alive', at, { HistoryData: '[1]' }, ['ALARM', 'OK']),
    changed('alive', at + 1, { HistoryData: '' }),
  ];
  const { look } = await account(t, items);
  t.match(await look(), {
    state: 'ok',
    points: [
      { rule: 'sg-open', receiver: 'oncall', fields: { summary: 'Alarm updated from OK to ALARM' } },
      { rule: 'alive', receiver: noReceiver },
    ],
  });
  items.push(changed('sg-open', at + minute, { HistoryData: '{', HistorySummary: 'Alarm updated' }));
  t.match(await look(), { state: 'unavailable', why: /a change of alarm sg-open of which nobody can say .*: Alarm updated$/ });
});

test('recorded: whoever cannot be asked of one alarm says so, and nothing of what others told: denied, throttled, half way, away', async (t) => {
  const at = startMs + minute;
  const items = [0, 1, 2, 3].map((n) => changed('sg-open', at + n * minute, {}, n % 2 === 0 ? ['OK', 'ALARM'] : ['ALARM', 'OK']));
  const { look, state, server, advise } = await account(t, items);
  const denied = { status: 400, error: 'AccessDenied', said: 'User is not authorized to perform: cloudwatch:DescribeAlarmHistory' };
  state.refuse = ({ AlarmName }) => (AlarmName === 'alive' ? denied : null);
  t.match(await look(), { state: 'unavailable', why: /DescribeAlarmHistory of alive: AccessDenied: .*give Haldane’s own principal/ });
  t.match((await advise())?.refusals, [
    /^noticed.alerts: cloudwatch: .*AccessDenied.*cloudwatch:DescribeAlarmHistory, as docs\/aws.md says/,
  ]);
  state.refuse = ({ NextToken }) => (NextToken === undefined ? null : { status: 400, error: 'ThrottlingException', said: 'Rate exceeded' });
  t.match(await look(), { state: 'unavailable', why: /of sg-open: ThrottlingException: Rate exceeded/ }, 'one page is no history');
  state.refuse = null;
  t.match(await look(), { state: 'ok' }, 'once it may be asked, all is told');
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  t.match(await look(), { state: 'unavailable', why: /DescribeAlarmHistory of/ });
});

test('recorded: a history without an end is none', async (t) => {
  const items = Array.from({ length: 60 }, (_, n) => changed('sg-open', startMs + n * 1_000));
  const { look } = await account(t, items);
  t.match(await look(), { state: 'unavailable', why: /the history of alarm sg-open goes on after 20 pages/ });
});

test('the plan says of which alarm nothing is known, and refuses when no heartbeat is named', async (t) => {
  const known = await account(t, [changed('sg-open', startMs - 24 * 60 * minute)]);
  const advice = await known.advise();
  t.same(advice?.refusals, []);
  t.match(advice?.notes, [/every 10 s and may be told 60 s late/, /keeps no history of an alarm "alive"/]);
  t.equal(advice?.notes.length, 2);
  const source = alarmHistory({ read: async () => ({}), clock: new VirtualClock(startMs), rules: ['sg-open'], heartbeat: undefined });
  t.match((await source.advise?.(signal))?.refusals, [/^noticed.heartbeat is not given, .* write heartbeat: NAME/]);
});
