import { cells, effectCells, onsetCells } from './cells.ts';
import { Live, liveOptions, Symmetry, waldWhoKnows } from './contenders.ts';
import { randomOf } from './random.ts';
import type { Second } from './worlds.ts';
import { Yardsticks, yardstickNames } from './yardsticks.ts';

/** A piece of work for a thread: some runs of one cell. */
export type Job = {
  readonly kind: 'against-others' | 'users' | 'hosts' | 'effect' | 'onset';
  readonly cell: number;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
};

/** For each contender the second at which each run stopped, in the order of the runs; null when it did not. */
export type Stops = Record<string, (number | null)[]>;

/** What one run leaves: seconds by contender. */
type Run = Map<string, number>;

type Race = {
  step(second: Second, at: number): void;
  readonly over: boolean;
  readonly stoppedAt: Run;
  readonly names: readonly string[];
};

const levels = [
  ['.05', 0.05],
  ['.01', 0.01],
] as const;

/** Ours, plain and boosted, at both levels. */
function oursOnly(kind: 'requests' | 'users', prefix: string, seconds: number, psi0 = 1): Race {
  const stoppedAt: Run = new Map();
  const tests = levels.map(([level, alpha]) => ({ level, live: new Live(kind, liveOptions(alpha, true, seconds, psi0)) }));
  const names = levels.flatMap(([level]) => [`${prefix}plain ${level}`, `${prefix}boosted ${level}`]);
  return {
    names,
    stoppedAt,
    get over() {
      return stoppedAt.size === names.length;
    },
    step: (second, at) => {
      for (const { level, live } of tests) {
        if (live.crossedPlain) continue;
        if (live.step(second) && !stoppedAt.has(`${prefix}boosted ${level}`)) stoppedAt.set(`${prefix}boosted ${level}`, at);
        if (live.crossedPlain) stoppedAt.set(`${prefix}plain ${level}`, at);
      }
    },
  };
}

function othersOnly(patient: boolean): Race {
  const others = new Yardsticks();
  return {
    names: yardstickNames,
    stoppedAt: others.stoppedAt as Run,
    get over() {
      return patient ? others.stopped : others.quickOnesStopped;
    },
    step: (second, at) => others.step(second, at),
  };
}

function wald(psi: number): Race {
  const stoppedAt: Run = new Map();
  const test = waldWhoKnows(
    psi,
    levels.map(([, alpha]) => alpha),
  );
  return {
    names: levels.map(([level]) => `SPRT ${level}`),
    stoppedAt,
    get over() {
      return stoppedAt.size === levels.length;
    },
    step: (second, at) => {
      test.step(second).forEach((stopped, i) => {
        const name = `SPRT ${levels[i]?.[0]}`;
        if (stopped && !stoppedAt.has(name)) stoppedAt.set(name, at);
      });
    },
  };
}

function symmetries(): Race {
  const stoppedAt: Run = new Map();
  const tests = [1, 60].map((blockSeconds) => ({ name: `symmetry ${blockSeconds} s .05`, test: new Symmetry(0.05, blockSeconds) }));
  return {
    names: tests.map(({ name }) => name),
    stoppedAt,
    get over() {
      return stoppedAt.size === tests.length;
    },
    step: (second, at) => {
      for (const { name, test } of tests) if (test.step(second) && !stoppedAt.has(name)) stoppedAt.set(name, at);
    },
  };
}

/** The tolerance that an experiment has when its owner names none. */
export const defaultTolerance = 1.25;

/** The plain E at which a deploy is blocked. */
const blockAt = 1000;

/** Stops at the boosted alpha of .05, and blocks at a plain E of 1000, with the default tolerance and with none. */
function hostRaces(seconds: number): Race[] {
  const race = (prefix: string, psi0: number): Race => {
    const stoppedAt: Run = new Map();
    const test = new Live('requests', liveOptions(0.05, true, seconds, psi0));
    return {
      names: [`${prefix}stop`, `${prefix}block`],
      stoppedAt,
      get over() {
        return stoppedAt.size === 2;
      },
      step: (second, at) => {
        if (test.step(second) && !stoppedAt.has(`${prefix}stop`)) stoppedAt.set(`${prefix}stop`, at);
        if (test.maxLogE >= Math.log(blockAt)) stoppedAt.set(`${prefix}block`, at);
      },
    };
  };
  return [race('tolerance ', defaultTolerance), race('no tolerance ', 1)];
}

function racesOf({ kind, cell }: Job, seconds: number): Race[] {
  if (kind === 'against-others') return [oursOnly('requests', '', seconds), othersOnly(true)];
  if (kind === 'users') return [oursOnly('requests', 'requests ', seconds), oursOnly('users', 'users ', seconds), symmetries()];
  if (kind === 'hosts') return hostRaces(seconds);
  if (kind === 'onset') return [oursOnly('requests', '', seconds)];
  const rates = effectCells.find((one) => one.id === cell);
  if (rates === undefined) throw new RangeError(`cell ${cell} has no effect`);
  const odds = (p: number): number => p / (1 - p);
  return [oursOnly('requests', '', seconds), wald(odds(rates.experiment) / odds(rates.control)), othersOnly(true)];
}

/** Makes the runs of a job. The same job gives the same stops on every machine and in every thread. */
export function runJob(job: Job): Stops {
  const cell = cells.get(job.cell);
  if (cell === undefined) throw new RangeError(`there is no cell ${job.cell}`);
  const world = cell.world();
  const onset = onsetCells.find((one) => one.id === job.cell)?.onset ?? 0;
  const runs: Run[] = [];
  const names = new Set<string>();
  for (let run = job.from; run < job.to; run++) {
    const next = world(randomOf(job.seed, job.cell, run));
    const races = racesOf(job, cell.seconds);
    for (let at = 1; at <= cell.seconds; at++) {
      const second = next(at);
      let over = at > onset;
      for (const race of races) {
        if (!race.over) race.step(second, at);
        over &&= race.over;
      }
      if (over) break;
    }
    for (const race of races) for (const name of race.names) names.add(name);
    runs.push(new Map(races.flatMap((race) => [...race.stoppedAt])));
  }
  return Object.fromEntries([...names].map((name) => [name, runs.map((run) => run.get(name) ?? null)]));
}
