import { mkdir, writeFile } from 'node:fs/promises';
import { oddsRatioInterval } from '../../live/odds-ratio-interval.ts';
import { beginProportionTest, stepProportionTest } from '../../live/proportion-test.ts';
import { liveOptions } from '../contenders.ts';
import { runJob } from '../jobs.ts';
import { randomOf } from '../random.ts';
import { steady } from '../worlds.ts';
import { type Axis, type Chart, chartSvg, colours, type Line } from './chart.ts';

/** Draws the README's pictures from seeded simulations into a folder (first argument; default: docs of this package). */
const seed = 20240607;
const percentText = (share: number): string => `${Math.round(100 * share)} %`;
const stopping = Math.log10(20);

function minutesAxis(minutes: number): Axis {
  const ticks = Array.from({ length: 7 }, (_, i) => (i * minutes) / 6);
  return { title: 'minutes of watching', from: 0, to: minutes, ticks, text: (value) => String(value) };
}

/** The share of runs that have stopped by each minute. */
function stoppedBy(stops: readonly (number | null)[], minutes: number): (readonly [number, number])[] {
  return Array.from({ length: minutes + 1 }, (_, minute) => [
    minute,
    stops.filter((stop) => stop !== null && stop <= 60 * minute).length / stops.length,
  ]);
}

function falseAlarms(): Chart {
  const stops = runJob({ kind: 'against-others', cell: 101, seed, from: 0, to: 400 });
  const line = (name: string, label: string, colour: string): Line => ({ label, colour, points: stoppedBy(stops[name] ?? [], 60) });
  return {
    title: 'False alarms when nothing is wrong (400 runs, 1 % fail in both arms)',
    x: minutesAxis(60),
    y: { title: 'runs that cried wolf', from: 0, to: 0.5, ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5], text: percentText },
    lines: [
      line('z-test each second, .05', 'z-test, every second', colours.harm),
      line('Mann-Whitney each minute, .05', 'Mann-Whitney, every minute', colours.other),
      line('boosted .05', 'this package, every second', colours.sound),
      { points: [0, 60].map((minute) => [minute, 0.05]), colour: colours.limit, dashed: true, width: 1 },
    ],
  };
}

const seconds = 300;

/** log10 E at each second of one run. */
function wealth(run: number, experiment: number, onset: number): (readonly [number, number])[] {
  const next = steady(0.01, experiment, 50, onset)(randomOf(seed, 800, run));
  let test = beginProportionTest(liveOptions(0.05, false, seconds));
  const points: (readonly [number, number])[] = [[0, 0]];
  for (let second = 1; second <= seconds; second++) {
    test = stepProportionTest(test, next(second));
    if (second % 2 === 0) points.push([second, test.logE / Math.LN10]);
  }
  return points;
}

const secondsAxis: Axis = { title: 'seconds', from: 0, to: seconds, ticks: [0, 60, 120, 180, 240, 300], text: String };

function bets(): Chart {
  const sound = Array.from({ length: 20 }, (_, run): Line => ({ points: wealth(run, 0.01, 0), colour: colours.pale, width: 1 }));
  const harmed = Array.from({ length: 5 }, (_, run): Line => ({ points: wealth(100 + run, 0.05, 120), colour: colours.harm, width: 1.5 }));
  const label = (line: Line, text: string, colour: string): Line => ({ ...line, label: text, colour });
  const [firstSound, ...otherSound] = sound as [Line, ...Line[]];
  const [firstHarmed, ...otherHarmed] = harmed as [Line, ...Line[]];
  return {
    title: 'Wealth E of a bet on harm: 20 sound runs, 5 that fail 5 % from second 120',
    x: secondsAxis,
    y: { title: 'wealth E', from: -1, to: 4, ticks: [-1, 0, 1, 2, 3, 4], text: (value) => String(10 ** value) },
    lines: [
      ...otherSound,
      label(firstSound, 'nothing is wrong', colours.sound),
      ...otherHarmed,
      label(firstHarmed, '5 % fail, control 1 %', colours.harm),
      { points: [0, seconds].map((at) => [at, stopping]), colour: colours.limit, dashed: true, label: 'stop: E = 20' },
      { points: [0, seconds].map((at) => [at, 3]), colour: colours.limit, dashed: true, label: 'block: E = 1000' },
    ],
  };
}

const cap = 30;

/** The experiment's failures when a run ended: stopped by the test, or (if there is one) by the cap. */
function failuresAtStop(run: number, rate: number, limit: number): number {
  const next = steady(0.01, rate, 50)(randomOf(seed, 801, run));
  let test = beginProportionTest(liveOptions(0.05, true, seconds));
  let failures = 0;
  for (let second = 1; second <= seconds; second++) {
    const block = next(second);
    failures += block.xe;
    // A request that would go beyond the cap is not admitted.
    if (failures >= limit) return limit;
    test = stepProportionTest(test, block);
    if (test.boostedLogW !== null && test.boostedLogW >= -Math.log(test.alpha)) return failures;
  }
  return failures;
}

function budget(): Chart {
  const rates = [0.01, 0.015, 0.02, 0.03, 0.05, 0.08, 0.15, 0.3, 0.6, 1];
  const runs = Array.from({ length: 200 }, (_, run) => run);
  const most = (limit: number) => rates.map((rate, i) => [i, Math.max(...runs.map((run) => failuresAtStop(run, rate, limit)))] as const);
  const typical = rates.map((rate, i) => {
    const sorted = runs.map((run) => failuresAtStop(run, rate, cap)).sort((a, b) => a - b);
    return [i, sorted[sorted.length / 2] as number] as const;
  });
  return {
    title: `Users hurt before the run ended (200 runs each, at most ${seconds} s, 50 requests/s)`,
    x: {
      title: 'share of the experiment that fails (control: 1 %)',
      from: 0,
      to: 9,
      ticks: rates.map((_, i) => i),
      text: (i) => `${Number((100 * (rates[i] ?? 0)).toPrecision(2))} %`,
    },
    y: { title: 'failures of the experiment', from: 0, to: 300, ticks: [0, 50, 100, 150, 200, 250, 300], text: String },
    lines: [
      { points: most(Number.POSITIVE_INFINITY), colour: colours.harm, label: 'worst run, test only' },
      { points: most(cap), colour: colours.sound, label: `worst run, budget of ${cap}` },
      { points: typical, colour: colours.pale, label: 'median run, with budget' },
    ],
  };
}

function together(): Chart {
  const runs = 150;
  const cells = [
    [300, 'independent'],
    [301, 'bursts of one user'],
    [302, 'one user for 30 s'],
  ] as const;
  const all = cells.map(([cell]) => runJob({ kind: 'users', cell, seed, from: 0, to: runs }));
  const shares = (name: string) => all.map((stops, i) => [i, (stops[name] ?? []).filter((stop) => stop !== null).length / runs] as const);
  return {
    title: `False alarms in half an hour when failures come together (${runs} runs each)`,
    x: { title: 'how failures come', from: 0, to: 2, ticks: [0, 1, 2], text: (i) => cells[i]?.[1] ?? '' },
    y: { title: 'runs that cried wolf', from: 0, to: 1, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], text: percentText },
    lines: [
      { points: shares('requests boosted .05'), colour: colours.harm, label: 'requests counted' },
      { points: shares('users boosted .05'), colour: colours.sound, label: 'users counted' },
      { points: [0, 2].map((at) => [at, 0.05]), colour: colours.limit, dashed: true, width: 1 },
    ],
  };
}

/** The 95 % confidence sequence of the odds ratio along one run. */
function interval(): Chart {
  const next = steady(0.01, 0.05, 50)(randomOf(seed, 802));
  let test = beginProportionTest({ alpha: 0.05 });
  const low: (readonly [number, number])[] = [];
  const high: (readonly [number, number])[] = [];
  for (let second = 1; second <= seconds; second++) {
    test = stepProportionTest(test, next(second));
    const range = oddsRatioInterval(test, 0.95);
    low.push([second, Math.log2(Math.max(range.low, 1 / 32))]);
    high.push([second, Math.log2(range.high ?? 128)]);
  }
  return {
    title: 'What is known of the odds ratio, at every second at once (one run, truth 5.2)',
    x: secondsAxis,
    y: {
      title: 'odds ratio',
      from: -5,
      to: 7,
      ticks: [-5, -3, -1, 0, 1, 3, 5, 7],
      text: (value) => (value < 0 ? `1/${2 ** -value}` : String(2 ** value)),
    },
    lines: [
      { points: high, colour: colours.sound, label: 'at most' },
      { points: low, colour: colours.sound, label: 'at least' },
      {
        points: [1, seconds].map((at) => [at, Math.log2(0.05 / 0.95 / (0.01 / 0.99))]),
        colour: colours.harm,
        dashed: true,
        label: 'truth',
      },
      { points: [1, seconds].map((at) => [at, 0]), colour: colours.limit, dashed: true, width: 1, label: 'no difference' },
    ],
  };
}

const folder = new URL(process.argv[2] ? `file://${process.argv[2]}/` : '../../../docs/', import.meta.url);
await mkdir(folder, { recursive: true });
const pictures: readonly (readonly [string, () => Chart])[] = [
  ['false-alarms.svg', falseAlarms],
  ['bets.svg', bets],
  ['budget.svg', budget],
  ['together.svg', together],
  ['interval.svg', interval],
];
for (const [name, chart] of pictures) {
  await writeFile(new URL(name, folder), chartSvg(chart()));
  process.stdout.write(`wrote ${name}, seed ${seed}\n`);
}
