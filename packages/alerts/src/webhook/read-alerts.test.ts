import { createSign, generateKeyPairSync } from 'node:crypto';
import { test } from 'tap';
import { readAlerts } from './read-alerts.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const topic = 'arn:aws:sns:eu-west-1:123456789012:alerts';
const now = Date.parse('2026-05-20T12:00:00.000Z');

type Said = Readonly<Record<string, string>>;

/* What moto does not do (subscriptions, signature version 1, alarms) runs on messages in the shape that AWS documents, signed by a key of this test. */
function posted(
  said: Said = {},
  order = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
): Said {
  const body: Said = {
    Type: 'Notification',
    MessageId: 'm-1',
    TopicArn: topic,
    Message: JSON.stringify({ rule: 'sg-open', resource: 'sg-1' }),
    Timestamp: new Date(now - 1_000).toISOString(),
    SignatureVersion: '2',
    SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem',
    ...said,
  };
  const text = order.flatMap((name) => (body[name] === undefined ? [] : [`${name}\n${body[name]}\n`])).join('');
  const signer = createSign(body['SignatureVersion'] === '1' ? 'RSA-SHA1' : 'RSA-SHA256');
  return { ...body, Signature: signer.update(text).sign(privateKey, 'base64') };
}

const asked: string[] = [];
const outside = async (url: URL) => {
  asked.push(url.href);
  return pem;
};
const read = (body: unknown) => readAlerts('network', body, now, outside);

test('what SNS delivers is opened when AWS signed it, by either version, as text or as JSON', async (t) => {
  for (const version of ['1', '2']) {
    const body = posted({ SignatureVersion: version, Subject: 'a subject is signed too' });
    t.match(await read(JSON.stringify(body)), [{ receiver: 'network', rule: 'sg-open', receivedAt: now, fields: { resource: 'sg-1' } }]);
    t.match(await read(body), [{ rule: 'sg-open' }]);
  }
  t.match(await read(posted({ Message: 'the port is open', Subject: 'sg-open' })), [
    { rule: 'sg-open', fields: { summary: 'the port is open' } },
  ]);
  t.match(await read(posted({ Message: 'the port is open' })), [{ rule: 'alerts' }], 'without a subject, of the topic');
});

test('a subscription is confirmed where SNS is, and only when AWS asked for it', async (t) => {
  const SubscribeURL = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t';
  const confirmation = { Type: 'SubscriptionConfirmation', Message: 'You have chosen', Token: 't' };
  asked.length = 0;
  t.same(await read(posted({ ...confirmation, SubscribeURL })), []);
  t.equal(asked.at(-1), SubscribeURL);
  asked.length = 0;
  await t.rejects(read(posted({ ...confirmation, SubscribeURL: 'https://elsewhere.test/' })), {
    code: 'forbidden',
    message: /SubscribeURL/,
  });
  await t.rejects(read({ ...posted({ ...confirmation, SubscribeURL }), Token: 'another' }), { code: 'forbidden', message: /signature/ });
  t.ok(
    asked.every((url) => url.endsWith('.pem')),
    'nothing was called but for the certificate',
  );
});

test('what somebody else wrote is forbidden, whichever part of it, and no address but of SNS itself is asked', async (t) => {
  const forbidden = (body: Said, message: RegExp) => t.rejects(read(body), { code: 'forbidden', message });
  await forbidden({ ...posted(), Message: '{"rule":"mine"}' }, /does not carry its signature/);
  await forbidden({ ...posted(), TopicArn: topic.replace('alerts', 'others') }, /does not carry its signature/);
  await forbidden(posted({ Timestamp: new Date(now - 2 * 3_600_000).toISOString() }), /not of this hour/);
  await forbidden(posted({ Timestamp: 'soon' }), /not of this hour/);
  await forbidden(posted({ SignatureVersion: '3' }), /version 3 is not known/);
  asked.length = 0;
  for (const url of [
    'http://sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com.mine.test/a.pem',
    'https://mine.test/sns.eu-west-1.amazonaws.com/a.pem',
    'https://sns.us-east-1.amazonaws.com/a.pem',
    'https://sns.eu-west-1.amazonaws.com:8443/a.pem',
    'https://sns.eu-west-1.amazonaws.com@mine.test/a.pem',
    'https://s3.eu-west-1.amazonaws.com/a.pem',
  ])
    await forbidden(posted({ SigningCertURL: url }), /SigningCertURL/);
  await forbidden(posted({ SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/key' }), /names no certificate/);
  await forbidden(posted({ TopicArn: 'arn:aws:sns:mine.test/#:1:t', SigningCertURL: 'https://sns.mine.test/a.pem' }), /SigningCertURL/);
  t.same(asked, []);
  await t.rejects(
    readAlerts('r', posted(), now, async () => Promise.reject(new Error('away'))),
    { code: 'unavailable' },
  );
  await t.rejects(
    readAlerts('r', posted(), now, async () => 'no key'),
    { code: 'unavailable', message: /no certificate/ },
  );
});

const call = {
  version: '0',
  id: 'e-1',
  'detail-type': 'AWS API Call via CloudTrail',
  source: 'aws.ec2',
  account: '123456789012',
  time: '2026-05-20T11:59:58Z',
  region: 'eu-west-1',
  resources: [],
  detail: {
    eventSource: 'ec2.amazonaws.com',
    eventName: 'AuthorizeSecurityGroupIngress',
    eventTime: '2026-05-20T11:59:57Z',
    sourceIPAddress: '192.0.2.7',
    userIdentity: { type: 'AssumedRole', arn: 'arn:aws:sts::123456789012:assumed-role/haldane/haldane-r1', accessKeyId: 'CANARY' },
    requestParameters: { groupId: 'sg-1', ipPermissions: { items: [{ cidr: 'CANARY' }] } },
  },
};

test('an event of EventBridge says who did what where and when, and nothing that is not on the list', async (t) => {
  const alerts = await read(call);
  t.match(alerts, [
    {
      rule: 'AuthorizeSecurityGroupIngress',
      fields: {
        who: /assumed-role\/haldane/,
        what: 'ec2.amazonaws.com AuthorizeSecurityGroupIngress',
        when: '2026-05-20T11:59:57Z',
        where: '123456789012 eu-west-1',
        resource: 'sg-1',
        source: '192.0.2.7',
      },
    },
  ]);
  t.notMatch(JSON.stringify(alerts), 'CANARY');
  t.equal((await readAlerts('network', call, now + 9_000, outside))[0]?.id, alerts[0]?.id, 'told again, it is the same');
  t.match(await read(posted({ Message: JSON.stringify(call) })), [{ rule: 'AuthorizeSecurityGroupIngress' }], 'also through SNS');
  const finding = {
    ...call,
    'detail-type': 'GuardDuty Finding',
    detail: { type: 'Policy:S3/Public', title: 'public', severity: 8 },
    resources: ['b-1'],
  };
  t.match(await read(finding), [{ rule: 'Policy:S3/Public', severity: '8', fields: { summary: 'public', resource: 'b-1' } }]);
  const own = { ...call, 'detail-type': 'ours', detail: { rule: 'sg-open', fields: { resource: 'sg-2' } } };
  t.match(await read(own), [{ rule: 'sg-open', fields: { resource: 'sg-2' } }]);
});

test('a CloudWatch alarm is an alert when it goes off, and none when it ends', async (t) => {
  const alarm = {
    AlarmName: 'sg-changes',
    AlarmDescription: 'somebody changes firewalls',
    AWSAccountId: '123456789012',
    NewStateValue: 'ALARM',
    NewStateReason: 'Threshold Crossed',
    StateChangeTime: '2026-05-20T11:59:59.000+0000',
    Region: 'EU (Ireland)',
    AlarmArn: 'arn:aws:cloudwatch:eu-west-1:123456789012:alarm:sg-changes',
    Trigger: { MetricName: 'Changes', Dimensions: [{ name: 'GroupId', value: 'sg-1' }] },
  };
  t.match(await read(posted({ Message: JSON.stringify(alarm) })), [
    { rule: 'sg-changes', fields: { what: 'somebody changes firewalls', resource: 'sg-1', where: '123456789012 EU (Ireland)' } },
  ]);
  t.same(await read({ ...alarm, NewStateValue: 'OK' }), []);
});
