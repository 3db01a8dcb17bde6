import type { ArmCounts } from '../live/arm-counts.ts';
import { binomial, draw, poisson, type Table } from './draw.ts';
import type { Random } from './random.ts';

/** One simulated second: requests and failures of both arms, and how many users fail for the first time. */
export type Second = ArmCounts & { readonly usersE: number; readonly usersC: number };

/** A world makes the seconds of one run, from 1 on. */
export type World = (random: Random) => (second: number) => Second;

function secondOf(xe: number, ne: number, xc: number, nc: number): Second {
  return { xe, ne, xc, nc, usersE: xe, usersC: xc };
}

/** `perSecond` requests an arm, each failing with its arm's rate; the experiment's rate holds from `onset` seconds on. */
export function steady(control: number, experiment: number, perSecond: number, onset = 0): World {
  const normal = binomial(perSecond, control);
  const harmed = binomial(perSecond, experiment);
  return (random) => (second) => secondOf(draw(second > onset ? harmed : normal, random), perSecond, draw(normal, random), perSecond);
}

/** The laws of one arm's second with Poisson arrivals: those that fail and those that do not are two independent Poisson numbers. */
function arrivals(mean: number, rate: number): { readonly failed: Table; readonly served: Table } {
  return { failed: poisson(mean * rate), served: poisson(mean * (1 - rate)) };
}

function drawArrivals(random: Random, e: ReturnType<typeof arrivals>, c: ReturnType<typeof arrivals>): Second {
  const xe = draw(e.failed, random);
  const ne = xe + draw(e.served, random);
  const xc = draw(c.failed, random);
  return secondOf(xe, ne, xc, xc + draw(c.served, random));
}

/** Requests arrive as a Poisson stream. */
export function poissonArrivals(rate: number, perSecond: number): World {
  const law = arrivals(perSecond, rate);
  return (random) => () => drawArrivals(random, law, law);
}

/** Traffic swings by half in ten minutes, failures of both arms rise eightfold for 10 s every 2 minutes, and control's slice doubles twice. */
export function driftAndRamp(rate: number, perSecond: number, seconds: number): World {
  const laws = Array.from({ length: seconds }, (_, i) => {
    const mean = perSecond * (1 + 0.5 * Math.sin((2 * Math.PI * (i % 600)) / 600));
    const now = i % 120 < 10 ? 8 * rate : rate;
    const slice = i < 600 ? 1 : i < 1200 ? 2 : 4;
    return { e: arrivals(mean, now), c: arrivals(mean * slice, now) };
  });
  return (random) => (second) => {
    const law = laws[(second - 1) % seconds] as (typeof laws)[number];
    return drawArrivals(random, law.e, law.c);
  };
}

/** One user's requests fail together in one second, five on average. */
export function bursts(rate: number, perSecond: number): World {
  const users = poisson((rate * perSecond) / 5);
  const arm = (random: Random): readonly [number, number] => {
    const failing = draw(users, random);
    let requests = 0;
    for (let i = 0; i < failing; i++) requests += 1 + Math.floor(Math.log(1 - random()) / Math.log(0.8));
    return [Math.min(perSecond, requests), failing];
  };
  return (random) => () => {
    const [xe, usersE] = arm(random);
    const [xc, usersC] = arm(random);
    return { xe, ne: perSecond, xc, nc: perSecond, usersE, usersC };
  };
}

const stuckSeconds = 30;

/** A user who fails goes on failing once a second for half a minute. */
export function stuckUsers(rate: number, perSecond: number): World {
  const users = poisson((rate * perSecond) / stuckSeconds);
  const arm = (random: Random): (() => readonly [number, number]) => {
    const started: number[] = new Array<number>(stuckSeconds).fill(0);
    let stuck = 0;
    let at = 0;
    return () => {
      const begin = draw(users, random);
      stuck += begin - (started[at] as number);
      started[at] = begin;
      at = (at + 1) % stuckSeconds;
      return [Math.min(perSecond, stuck), begin];
    };
  };
  return (random) => {
    const experiment = arm(random);
    const control = arm(random);
    return () => {
      const [xe, usersE] = experiment();
      const [xc, usersC] = control();
      return { xe, ne: perSecond, xc, nc: perSecond, usersE, usersC };
    };
  };
}

/** Hosts of an arm, which share its requests evenly. */
const hosts = 4;

/** Each run draws what every host's rate is times the base rate. */
export function unevenHosts(rate: number, perSecond: number, factors: (random: Random, arm: 'control' | 'experiment') => number): World {
  const arm = (random: Random, name: 'control' | 'experiment'): (() => number) => {
    // In whole thousandths: so many laws are enough, and each is made once.
    const laws = Array.from({ length: hosts }, () => binomial(perSecond / hosts, (rate * Math.round(1000 * factors(random, name))) / 1000));
    return () => {
      let failed = 0;
      for (const law of laws) failed += draw(law, random);
      return failed;
    };
  };
  return (random) => {
    const experiment = arm(random, 'experiment');
    const control = arm(random, 'control');
    return () => secondOf(experiment(), perSecond, control(), perSecond);
  };
}
