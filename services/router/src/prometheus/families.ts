import { answerClasses, type ClusterRole, type StrippedKind } from '@haldane/core';
import type { RouterView } from '@haldane/dataplane';
import { type Count, type DoorCounts, latencyBounds, type Traffic } from '../door/door-counts.ts';
import type { Family, Sample } from './exposition.ts';

/** What the measures are made from. Names come from whoever configures routes and runs, never from a request: their number is bounded. */
export type RouterFacts = {
  /** Epoch ms. */
  readonly now: number;
  readonly view: RouterView;
  readonly doors: readonly { readonly route: string; readonly counts: DoorCounts; readonly tunnels: number }[];
  readonly runs: readonly {
    readonly runId: string;
    readonly budget: { readonly spent: number; readonly cap: number; readonly credit: number };
    /** Epoch second of the newest second that was closed; null before the first. */
    readonly closedAt: number | null;
    readonly stripped: ReadonlyMap<StrippedKind, number>;
  }[];
};

const roles: readonly ClusterRole[] = ['production', 'control', 'experiment'];

export function familiesOf(facts: RouterFacts): readonly Family[] {
  return [...traffic(facts), ...runs(facts), ...dependencies(facts), ...itself()];
}

function traffic({ doors, view }: RouterFacts): readonly Family[] {
  const every = <T>(of: (route: string, kind: Traffic, role: ClusterRole, count: Count) => readonly T[]) =>
    doors.flatMap(({ route, counts: { counts } }) =>
      (['real', 'synthetic'] as const).flatMap((kind) => roles.flatMap((role) => of(route, kind, role, counts[kind][role]))),
    );
  return [
    {
      name: 'haldane_requests_total',
      help: 'Answers to clients by the cluster that the request was placed at and by answer class.',
      type: 'counter',
      samples: every((route, kind, role, { classes }) =>
        answerClasses.map((name, i) => ({ labels: { route, role, class: name, traffic: kind }, value: classes[i] ?? 0 })),
      ),
    },
    {
      name: 'haldane_request_duration_seconds',
      help: 'From when a request was placed to the last byte of its answer.',
      type: 'histogram',
      samples: every((route, kind, role, count) => histogram({ route, role, traffic: kind }, count)),
    },
    {
      name: 'haldane_in_flight_requests',
      help: 'Real requests and tunnels in an arm now, by the slice that brought them.',
      type: 'gauge',
      samples: view.routes.flatMap(({ route, inFlight }) =>
        inFlight.map(({ runId, slice, requests }) => ({ labels: { route, run: runId, slice }, value: requests })),
      ),
    },
    {
      name: 'haldane_tunnels',
      help: 'Connections that changed their protocol and are open now.',
      type: 'gauge',
      samples: doors.map(({ route, tunnels }) => ({ labels: { route }, value: tunnels })),
    },
  ];
}

function histogram(labels: Sample['labels'], { bins, seconds }: Count): readonly Sample[] {
  let below = 0;
  const buckets = [...latencyBounds, Number.POSITIVE_INFINITY].map((most, i) => {
    below += bins[i] ?? 0;
    return { labels: { ...labels, le: most === Number.POSITIVE_INFINITY ? '+Inf' : String(most) }, value: below, suffix: '_bucket' };
  });
  return [...buckets, { labels, value: seconds, suffix: '_sum' }, { labels, value: below, suffix: '_count' }];
}

function runs({ now, view, runs }: RouterFacts): readonly Family[] {
  const budget = (which: 'spent' | 'cap' | 'credit', help: string): Family => ({
    name: `haldane_budget_${which}`,
    help,
    type: 'gauge',
    samples: runs.map((run) => ({ labels: { run: run.runId }, value: run.budget[which] })),
  });
  return [
    budget('spent', 'Failures charged to the error budget of a run, over both arms.'),
    budget('cap', 'Failures that the error budget of a run allows.'),
    budget('credit', 'Failures that its background errors add to what the budget of a run allows.'),
    {
      name: 'haldane_stripped_total',
      help: 'Answers of arms out of which something was taken that would have outlived the fault, by what it was.',
      type: 'counter',
      samples: runs.flatMap(({ runId, stripped }) => [...stripped].map(([kind, value]) => ({ labels: { run: runId, kind }, value }))),
    },
    {
      name: 'haldane_slice_share',
      help: 'Share of real users in each arm.',
      type: 'gauge',
      samples: view.routes.flatMap(({ route, slices }) =>
        slices.map(({ runId, name, share }) => ({ labels: { route, run: runId, slice: name }, value: share })),
      ),
    },
    {
      name: 'haldane_lease_seconds',
      help: 'Time until the effects of a run on a route end if nobody renews them.',
      type: 'gauge',
      samples: view.routes.flatMap(({ route, attached }) =>
        attached.map(({ runId, until }) => ({ labels: { route, run: runId }, value: Math.max(0, (until - now) / 1000) })),
      ),
    },
    {
      name: 'haldane_telemetry_lag_seconds',
      help: 'Time since the end of the newest second of a run that was closed.',
      type: 'gauge',
      samples: runs.flatMap(({ runId, closedAt }) =>
        closedAt === null ? [] : [{ labels: { run: runId }, value: Math.max(0, now / 1000 - (closedAt + 1)) }],
      ),
    },
  ];
}

function dependencies({ now, view }: RouterFacts): readonly Family[] {
  const each = (of: (proxy: RouterView['proxies'][number]) => number): readonly Sample[] =>
    view.proxies.map((proxy) => ({
      labels: { proxy: proxy.proxy, run: proxy.runId, arm: proxy.arm, dependency: proxy.dependency },
      value: of(proxy),
    }));
  return [
    {
      name: 'haldane_dependency_calls_total',
      help: 'Calls of an arm to a dependency.',
      type: 'counter',
      samples: each(({ calls }) => calls),
    },
    {
      name: 'haldane_faults_met_total',
      help: 'Calls of an arm to a dependency that met a fault.',
      type: 'counter',
      samples: each(({ met }) => met),
    },
    {
      name: 'haldane_dependency_lease_seconds',
      help: 'Time until a way to a dependency ends if nobody renews it.',
      type: 'gauge',
      samples: each(({ until }) => Math.max(0, (until - now) / 1000)),
    },
  ];
}

function itself(): readonly Family[] {
  const { user, system } = process.cpuUsage();
  const one = (value: number): readonly Sample[] => [{ labels: {}, value }];
  return [
    { name: 'process_cpu_seconds_total', help: 'Processor time of this router.', type: 'counter', samples: one((user + system) / 1e6) },
    { name: 'process_resident_memory_bytes', help: 'Memory of this router.', type: 'gauge', samples: one(process.memoryUsage.rss()) },
  ];
}
