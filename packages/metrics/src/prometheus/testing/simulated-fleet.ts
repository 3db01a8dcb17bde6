import type { AskPrometheus, Series } from '../ask-prometheus.ts';

/** `of`: which instance, in the order in which they came; those that are not there wrap around. */
export type FleetEvent =
  | { readonly do: 'answer'; readonly of: number; readonly code: string; readonly times: number }
  | { readonly do: 'restart'; readonly of: number }
  /** So many of its next turns fail. */
  | { readonly do: 'miss'; readonly of: number; readonly turns: number }
  /** So many of its next readings show none of its counters. */
  | { readonly do: 'vanish'; readonly of: number; readonly turns: number }
  /** Its next reading takes so long. */
  | { readonly do: 'slow'; readonly of: number; readonly ms: number }
  /** Prometheus neither reads nor answers. */
  | { readonly do: 'silence'; readonly ms: number }
  | { readonly do: 'leave'; readonly of: number }
  /** A new one, which has answered 503 so often already. */
  | { readonly do: 'join'; readonly cluster: string; readonly with: number }
  | { readonly do: 'hand-over' };

type Counted = { readonly requests: number; readonly failures: number };
type Instance = {
  readonly cluster: string;
  readonly name: string;
  began: number;
  counters: Map<string, number>;
  /** Answers that some reading has shown, of all its processes; and what the last reading of this process has shown. */
  read: Counted;
  shown: Map<string, number>;
  /** Turns of each trouble that are still to come. */
  left: Record<'miss' | 'vanish', number>;
  slowMs: number;
  /** When its turn comes next; a slow reading holds up the next. */
  turnAt: number;
};
type Sample = { readonly labels: Series['labels']; readonly at: number; readonly value: number; readonly storedAt: number };

/** Time that a test moves. */
type VirtualTime = { now(): number; advance(ms: number): Promise<void> };

/** Instances with counters and a Prometheus that reads them in turn, each `everyMs` from its own moment on; on a virtual clock. */
export function simulatedFleet(clock: VirtualTime, sizes: Readonly<Record<string, number>>, everyMs: number) {
  const instances: Instance[] = [];
  const gone: Instance[] = [];
  const stored = new Map<string, Sample[]>();
  let silentUntil = 0;
  let made = 0;
  const join = (cluster: string, failures: number) => {
    made += 1;
    const counters = new Map(failures > 0 ? [['503', failures]] : []);
    const turnAt = clock.now() + ((made * 137) % everyMs);
    const none = { requests: 0, failures: 0 };
    const troubles = { left: { miss: 0, vanish: 0 }, slowMs: 0 };
    instances.push({ cluster, name: `i${made}`, began: clock.now(), counters, read: none, shown: new Map(), ...troubles, turnAt });
  };
  for (const [cluster, size] of Object.entries(sizes)) for (let n = 0; n < size; n += 1) join(cluster, 0);

  const turn = (one: Instance) => {
    const at = one.turnAt;
    const took = one.slowMs;
    one.slowMs = 0;
    // A reading that takes more than a turn leaves out those that would have come meanwhile.
    one.turnAt = at + Math.ceil((took + 1) / everyMs) * everyMs;
    if (at < silentUntil) return;
    const labels = { job: 'fleet', instance: one.name, cluster: one.cluster };
    const store = (series: string, more: Readonly<Record<string, string>>, value: number) => {
      const key = `${series} ${one.cluster}`;
      const samples = stored.get(key) ?? [];
      samples.push({ labels: { ...labels, ...more }, at, value, storedAt: at + took });
      stored.set(key, samples);
    };
    if (one.left.miss > 0) {
      one.left.miss -= 1;
      store('up', {}, 0);
      return;
    }
    store('up', {}, 1);
    store('process_start_time_seconds', {}, one.began / 1000);
    if (one.left.vanish > 0) {
      one.left.vanish -= 1;
      return;
    }
    for (const [code, value] of one.counters) {
      store('http_requests_total', { code }, value);
      const fresh = value - (one.shown.get(code) ?? 0);
      one.read = { requests: one.read.requests + fresh, failures: one.read.failures + (code === '503' ? fresh : 0) };
      one.shown.set(code, value);
    }
  };
  const ask: AskPrometheus = async (selector, seconds, at) => {
    if (at < silentUntil) throw new Error('nobody answers');
    const [, name, cluster] = /^(\w+)\{cluster="([^"]*)"\}$/.exec(selector) ?? [];
    const found = new Map<string, { labels: Series['labels']; samples: [number, number][] }>();
    for (const { labels, at: read, value, storedAt } of stored.get(`${name} ${cluster}`) ?? []) {
      if (storedAt > at || read > at || read < at - Math.ceil(seconds) * 1000) continue;
      const key = JSON.stringify(labels);
      const one = found.get(key) ?? { labels, samples: [] };
      one.samples.push([read, value]);
      found.set(key, one);
    }
    return [...found.values()];
  };
  return {
    ask,
    /** What readings have shown of each cluster, stored or on their way. What nobody read before a process ended is in no sum. */
    truth(): Readonly<Record<string, Counted>> {
      const all: Record<string, Counted> = {};
      for (const { cluster, read } of [...instances, ...gone]) {
        const so = all[cluster] ?? { requests: 0, failures: 0 };
        all[cluster] = { requests: so.requests + read.requests, failures: so.failures + read.failures };
      }
      return all;
    },
    happen(event: FleetEvent): void {
      const one = 'of' in event ? instances[event.of % instances.length] : undefined;
      if (event.do === 'join') join(event.cluster, event.with);
      else if (event.do === 'silence') silentUntil = clock.now() + event.ms;
      else if (one === undefined || event.do === 'hand-over') return;
      else if (event.do === 'answer') one.counters.set(event.code, (one.counters.get(event.code) ?? 0) + event.times);
      else if ('turns' in event) one.left[event.do] = event.turns;
      else if (event.do === 'slow') one.slowMs = event.ms;
      else if (event.do === 'leave') gone.push(...instances.splice(instances.indexOf(one), 1));
      else Object.assign(one, { counters: new Map(), shown: new Map(), began: clock.now() + 1 });
    },
    /** Lets time go by, with every turn that comes in it. */
    async pass(ms: number): Promise<void> {
      const until = clock.now() + ms;
      for (const one of instances) while (one.turnAt < until) turn(one);
      await clock.advance(ms);
    },
  };
}
