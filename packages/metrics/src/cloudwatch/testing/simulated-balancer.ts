import { type Arm, answerClasses, emptyProbeTally, type Meters, type ProbeSecond } from '@haldane/core';
import type { AskCloudWatch } from '../ask-cloudwatch.ts';

/** What came of a request: a status by a target, nothing that a target said, or a connection that none took. */
export type Outcome = 'ok' | 'moved' | 'refused' | 'failed' | 'silent' | 'unconnected';

export type BalancerEvent =
  | { readonly do: 'users'; readonly role: keyof Meters['groups']; readonly outcome: Outcome; readonly times: number }
  /** One of Haldane's own, which Haldane knows of so much later than the balancer. */
  | { readonly do: 'probe'; readonly arm: Arm; readonly outcome: 'ok' | 'refused' | 'failed'; readonly lagMs: number }
  | { readonly do: 'hand-over' };

const metricOf: Readonly<Partial<Record<Outcome, string>>> = {
  ok: 'HTTPCode_Target_2XX_Count',
  moved: 'HTTPCode_Target_3XX_Count',
  refused: 'HTTPCode_Target_4XX_Count',
  failed: 'HTTPCode_Target_5XX_Count',
  unconnected: 'TargetConnectionErrorCount',
};
const classOf = { ok: 'success', refused: 'forbidden', failed: 'server-error' } as const;

export const meters: Meters = {
  balancer: 'app/shop-alb/50dc6c495c0c9188',
  groups: {
    production: ['targetgroup/shop/1', 'targetgroup/shop-blue/2'],
    control: ['targetgroup/haldane-r1-control/3'],
    experiment: ['targetgroup/haldane-r1-experiment/4'],
  },
};

/** A balancer whose counts are published late, in parts: each metric so long after its minute as `delayMs` says. On a virtual clock, in milliseconds. */
export function simulatedBalancer(clock: { now(): number }, delayMs: (metric: string) => number) {
  const minuteMs = 60_000;
  const published: { readonly key: string; readonly minute: number; readonly visibleAt: number; readonly value: number }[] = [];
  const began = clock.now();
  const known = new Map<number, Record<Arm, number[]>>();
  /** Groups that CloudWatch knows nothing of. */
  const dark = new Set<string>();
  const count = (group: string, metric: string, value: number, visibleAt?: number) => {
    const minute = Math.floor(clock.now() / minuteMs) * minuteMs;
    published.push({ key: `${group} ${metric}`, minute, visibleAt: visibleAt ?? minute + minuteMs + delayMs(metric), value });
  };
  const answer = (group: string, outcome: Outcome, times: number) => {
    const metric = metricOf[outcome];
    count(group, 'RequestCount', times);
    if (metric !== undefined) count(group, metric, times);
  };
  /** Minutes in which a group's health is known by now. */
  const told = (group: string): readonly number[] => {
    const all: number[] = [];
    if (!dark.has(group))
      for (let minute = Math.floor(began / minuteMs) * minuteMs; minute + minuteMs + 1_000 <= clock.now(); minute += minuteMs)
        all.push(minute);
    return all;
  };
  const ask: AskCloudWatch = async (balancer, wanted, from, to) => {
    if (balancer !== meters.balancer) throw new Error(`nobody knows ${balancer}`);
    return wanted.map(({ group, metric }) => {
      const key = `${group} ${metric}`;
      const health = metric === 'HealthyHostCount' ? told(group).map((minute) => ({ minute, value: 2 })) : [];
      const counts = published.filter((one) => one.key === key && one.visibleAt <= clock.now());
      const values = new Map<number, number>();
      for (const { minute, value } of [...health, ...counts]) {
        const second = minute / 1000;
        if (second >= from && second < to) values.set(second, (values.get(second) ?? 0) + value);
      }
      return values;
    });
  };
  return {
    ask,
    dark,
    count,
    users(role: keyof Meters['groups'], outcome: Outcome, times: number): void {
      const groups = meters.groups[role];
      answer(groups[published.length % groups.length] ?? '', outcome, times);
    },
    probe(arm: Arm, outcome: keyof typeof classOf, lagMs: number): void {
      answer(meters.groups[arm][0] ?? '', outcome, 1);
      const second = Math.floor((clock.now() + lagMs) / 1000);
      const tallies = known.get(second) ?? { control: answerClasses.map(() => 0), experiment: answerClasses.map(() => 0) };
      const at = answerClasses.indexOf(classOf[outcome]);
      tallies[arm] = tallies[arm].map((value, index) => value + (index === at ? 1 : 0));
      known.set(second, tallies);
    },
    /** What Haldane knows of its own requests by now, second by second. */
    sent(after: number): readonly ProbeSecond[] {
      const first = Math.max(after + 1, Math.floor(began / 1000));
      const last = Math.floor(clock.now() / 1000) - 3;
      const zeros = answerClasses.map(() => 0);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
        .map((at) => [at, known.get(at) ?? { control: zeros, experiment: zeros }] as const)
        .map(([at, tallies]) => {
          const of = (arm: Arm) => ({ ...emptyProbeTally, sent: tallies[arm].reduce((sum, one) => sum + one, 0), classes: tallies[arm] });
          const none = { control: emptyProbeTally, experiment: emptyProbeTally };
          return { at, legitimate: { control: of('control'), experiment: of('experiment') }, hostile: none };
        });
    },
  };
}
