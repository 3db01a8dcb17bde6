import { alarmHistory, type ReadHistory } from '@haldane/alerts';
import { HaldaneError } from '@haldane/core';
import { drive, holdLease } from '@haldane/engine';
import { type Hand, story, type World } from '@haldane/experiment';
import { haldane1 } from '@haldane/judge';
import { labLeaseMs, type MemoryLab, memoryLab } from '@haldane/testkit';
import { test } from 'tap';

/*
 * Whole runs whose alerts are the history of CloudWatch's alarms: the real engine, story, judge and source; what the alarms do follows from what the laboratory's
 * detection sees. Recorded: moto knows no such history, so entries are of the shape that AWS documents. They come half a minute late.
 */

const runId = 'r1';
const publishedAfterMs = 30_000;
const noticed = {
  source: 'cloudwatch',
  expect: { rules: ['keys-failing'], receiver: 'oncall', withinSeconds: 20, fields: ['resource'] },
  heartbeatRule: 'alive',
  heartbeatWithinSeconds: 5,
};

type Life = {
  readonly names?: boolean;
  readonly given?: (lab: MemoryLab) => void;
  readonly refuse?: (lab: MemoryLab, asked: number) => boolean;
};

async function live({ names = true, given = () => undefined, refuse = () => false }: Life = {}) {
  const lab = memoryLab({ spec: { baselineSeconds: 5, watchSeconds: 30, noticed } });
  const { clock, stores, platform, spec } = lab;
  given(lab);
  let asked = 0;
  const read: ReadHistory = async ({ alarm, from, to }) => {
    asked += 1;
    if (refuse(lab, asked)) throw new HaldaneError('throttled', 'AWS cloudwatch DescribeAlarmHistory: Rate exceeded');
    const reading = await lab.alerts.alerts(runId, { from, to });
    const points = reading.state === 'ok' ? reading.points : [];
    const went = points.filter(
      ({ rule, receivedAt }) => (rule === 'heartbeat' ? 'alive' : rule) === alarm && receivedAt <= clock.now() - publishedAfterMs,
    );
    return {
      AlarmHistoryItems: went.flatMap(({ receivedAt, fields }) => {
        const about =
          names && alarm !== 'alive'
            ? { AlarmContributorId: 'c1', AlarmContributorAttributes: { InstanceId: fields['instance'] ?? '' } }
            : {};
        const entry = { AlarmName: alarm, Timestamp: new Date(receivedAt), ...about };
        const topic = 'arn:aws:sns:eu-west-1:123456789012:oncall';
        const kind = 'AlarmContributorId' in about ? 'AlarmContributor' : '';
        return [
          { ...entry, HistoryItemType: `${kind}StateUpdate`, HistorySummary: 'Alarm updated from OK to ALARM' },
          { ...entry, HistoryItemType: `${kind}Action`, HistorySummary: `Successfully executed action ${topic}` },
        ];
      }),
    };
  };
  const world: World = {
    ...lab,
    ...stores,
    alerts: alarmHistory({ read, clock, rules: noticed.expect.rules, heartbeat: noticed.heartbeatRule }),
    judge: haldane1,
    kinds: platform.changeKinds,
    applyTimeoutMs: 5_000,
    publish: async () => undefined,
  };
  await stores.runs.create({ id: runId, service: spec.service, environment: spec.environment, experiment: spec, key: null });
  const claim = await stores.runs.claim('test', labLeaseMs, 0);
  if (claim === null) throw new Error('the run could not be claimed');
  const renewEffects = (until: number) => platform.renew(runId, until);
  const hold = await holdLease(stores.runs, claim.fence, { leaseMs: labLeaseMs, renewEveryMs: 1_000, clock, renewEffects });
  const hand: Hand = { hold, lost: hold.lost, tell: async (type, data) => void (await stores.runs.tell(runId, type, data)) };
  const { stages } = story(world, hand);
  const driving = drive(claim.run, stages, undefined, { ...world, clock, hold }).then(({ run }) => run);
  const run = await clock.until(driving).finally(() => hold.stop());
  return { run, asked, verdict: run.facts.verdict, evidence: await stores.evidence.read(runId) };
}

test('recorded: an alarm that went off in time, and told the right topic of the experiment’s instance, is what noticed it, though it is known late', async (t) => {
  const { run, verdict, evidence, asked } = await live();
  t.match(verdict, { verdict: 'resilient', noticed: { mark: 'yes', result: 'in-time' } }, verdict?.headline ?? JSON.stringify(run.stop));
  const alarms = evidence.alerts.map(({ rule, receiver }) => `${rule} ${receiver}`);
  t.same(alarms.sort(), ['alive oncall', 'keys-failing oncall'], 'each once, however often it was asked');
  const seconds = evidence.blocks.length;
  t.ok(asked < seconds, `${asked} calls in a run that was watched for ${seconds} s and listened to for a minute more`);
  t.same(
    evidence.checks.filter(({ name }) => name === 'inbox'),
    [],
  );
});

test('recorded: an alarm that says of no instance is no alert to act on, and one that never went off is missed', async (t) => {
  const vague = await live({ names: false });
  t.match(vague.verdict?.noticed, { mark: 'no', result: 'incomplete', why: /lacks .*resource/ });
  const missed = await live({ given: ({ alerts }) => (alerts.faultAfterMs = null) });
  t.match(missed.verdict?.noticed, { mark: 'no', result: 'missed' });
  const dead = await live({ given: ({ alerts }) => (alerts.heartbeatAfterMs = null) });
  t.match(dead.verdict?.noticed, { mark: 'unknown', result: 'pipeline-broken' });
});

test('recorded: an account that cannot be asked is not one in which no alarm went off', async (t) => {
  const isInjected = ({ history }: MemoryLab) => history.spans(`fault:${runId}.experiment`).length > 0;
  const away = await live({ refuse: isInjected });
  t.match(away.verdict?.noticed, {
    mark: 'unknown',
    result: 'pipeline-broken',
    why: /alerts at cloudwatch could not be read: .*Rate exceeded/,
  });
  t.match(
    away.evidence.checks.filter(({ name }) => name === 'inbox').map(({ passed }) => passed),
    [false],
  );
  const refused = await live({ refuse: () => true });
  t.match(refused.run.stop, { reason: 'refused', why: /noticed.alerts: cloudwatch: AWS cloudwatch DescribeAlarmHistory/ });
  let lost = 0;
  const again = await live({
    refuse: (lab) => isInjected(lab) && lost++ < 2,
  });
  t.match(again.verdict?.noticed, { mark: 'yes', result: 'in-time' }, 'what came meanwhile is read then');
  t.same(
    again.evidence.checks.filter(({ name }) => name === 'inbox').map(({ passed }) => passed),
    [false, true],
  );
});
