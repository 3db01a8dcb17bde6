import type { Random } from './random.ts';
import { bursts, driftAndRamp, poissonArrivals, steady, stuckUsers, unevenHosts, type World } from './worlds.ts';

/** A simulated situation with a name; `id` makes its random streams its own. */
export type Cell = { readonly id: number; readonly name: string; readonly seconds: number; readonly world: () => World };

/** Requests per second and arm, and failure rates. */
export type Rates = { readonly control: number; readonly experiment: number; readonly perSecond: number };

const hour = 3600;

function percent(rate: number): string {
  return `${Number((100 * rate).toPrecision(3))} %`;
}

/** No difference between the arms: the cells of specification 4.1 (requests fail independently). */
export const nullCells: readonly Cell[] = [
  [0.001, 50],
  [0.01, 50],
  [0.001, 500],
  [0.01, 500],
].map(([rate = 0, perSecond = 0], i) => ({
  id: 100 + i,
  name: `${percent(rate)} fail, ${perSecond}/s`,
  seconds: hour,
  world: () => steady(rate, rate, perSecond),
}));

/** No difference, but a world that breaks simpler tests: the traffic cells of 4.4. */
export const roughCells: readonly Cell[] = [
  { id: 200, name: 'Poisson arrivals, flat', seconds: hour / 2, world: () => poissonArrivals(0.01, 50) },
  { id: 201, name: 'swings, 8x spikes, control ramps 1-2-4x', seconds: hour / 2, world: () => driftAndRamp(0.01, 50, hour / 2) },
];

/** No difference, but failures that come together: the user cells of 4.4. */
export const userCells: readonly Cell[] = [
  { id: 300, name: 'independent failures', seconds: hour / 2, world: () => steady(0.01, 0.01, 50) },
  { id: 301, name: 'bursts: 5 failures of a user in one second', seconds: hour / 2, world: () => bursts(0.01, 50) },
  { id: 302, name: 'one user fails for 30 s', seconds: hour / 2, world: () => stuckUsers(0.01, 50) },
];

const within20 = (random: Random): number => 1 + 0.2 * random();
const always20 = (_: Random, arm: 'control' | 'experiment'): number => (arm === 'experiment' ? 1.2 : 1);

/** No fault, but hosts that are not equal: up to 20 % between the best and the worst, by lot and in the worst place. */
export const hostCells: readonly Cell[] = [
  { id: 400, name: 'by lot, 1 % fail, 48/s', seconds: hour, world: () => unevenHosts(0.01, 48, within20) },
  { id: 401, name: 'by lot, 5 % fail, 480/s', seconds: hour, world: () => unevenHosts(0.05, 480, within20) },
  { id: 402, name: "all of experiment's 20 % worse, 1 %, 48/s", seconds: hour, world: () => unevenHosts(0.01, 48, always20) },
  { id: 403, name: "all of experiment's 20 % worse, 5 %, 480/s", seconds: hour, world: () => unevenHosts(0.05, 480, always20) },
];

/** A difference from the first second on: the cells of 4.2. */
export const effectCells: readonly (Cell & Rates)[] = [50, 500].flatMap((perSecond, i) =>
  [
    [0.001, 0.002],
    [0.001, 0.005],
    [0.001, 0.011],
    [0.001, 0.051],
    [0.01, 0.02],
    [0.01, 0.05],
    [0.01, 0.06],
  ].map(([control = 0, experiment = 0], j) => ({
    id: 500 + 10 * i + j,
    name: `${percent(control)} to ${percent(experiment)}, ${perSecond}/s`,
    seconds: hour,
    world: () => steady(control, experiment, perSecond),
    control,
    experiment,
    perSecond,
  })),
);

/** The same difference, but it begins late: the onset table of 4.4. */
export const onsetCells: readonly (Cell & Rates & { readonly onset: number })[] = [
  [0.01, 0.05, 50],
  [0.01, 0.02, 500],
].flatMap(([control = 0, experiment = 0, perSecond = 0], i) =>
  [0, 60, 300, 900].map((onset, j) => ({
    id: 600 + 10 * i + j,
    name: `${percent(control)} to ${percent(experiment)}, ${perSecond}/s, from ${onset} s`,
    seconds: hour / 2,
    world: () => steady(control, experiment, perSecond, onset),
    control,
    experiment,
    perSecond,
    onset,
  })),
);

/** Every cell by its id. */
export const cells: ReadonlyMap<number, Cell> = new Map(
  [...nullCells, ...roughCells, ...userCells, ...hostCells, ...effectCells, ...onsetCells].map((cell) => [cell.id, cell]),
);
