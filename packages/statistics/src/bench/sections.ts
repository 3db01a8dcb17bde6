import { lowerBoundRequests } from '../plan/lower-bound-requests.ts';
import { atLeast, atMost, type Bar } from './bars.ts';
import { type Cell, effectCells, hostCells, nullCells, onsetCells, roughCells, userCells } from './cells.ts';
import type { Job, Stops } from './jobs.ts';
import { type Measured, mean, p95, resampled, shareStopped } from './measure.ts';
import { rateText, ratioText, tableText } from './table.ts';
import type { Throughput } from './throughput.ts';

/** Runs a cell on the crew. */
export type RunCell = (kind: Job['kind'], cell: Cell, runs: number) => Promise<Stops>;

/** What a part of the benchmark says, and the bars that it stands to. */
export type Section = { readonly text: string; readonly bars: readonly Bar[] };

const levels = [
  ['.05', 0.05],
  ['.01', 0.01],
] as const;
/** A test below this mean of seconds is judged by the floor of one look, not by its wits. */
const tooQuickToCompare = 3;

function falseStopBars(where: string, prefix: string, stops: Stops): Bar[] {
  return levels.flatMap(([level, alpha]) =>
    ['plain', 'boosted'].map((form) => {
      const { value } = shareStopped(stops[`${prefix}${form} ${level}`] ?? []);
      // The error of a test that is exactly at its alpha: what the bar allows for.
      const error = Math.sqrt((alpha * (1 - alpha)) / (stops[`${prefix}${form} ${level}`]?.length ?? 1));
      return atMost(`false stops, ${where}, ${form} ${level}`, { value, error }, alpha);
    }),
  );
}

/** False stops of each method (rows) in each cell (columns). */
async function falseStops(
  kind: Job['kind'],
  cells: readonly Cell[],
  runs: number,
  run: RunCell,
): Promise<{ readonly text: string; readonly stops: Stops[] }> {
  const stops: Stops[] = [];
  for (const cell of cells) stops.push(await run(kind, cell, runs));
  const names = Object.keys(stops[0] ?? {});
  return {
    stops,
    text: tableText([
      ['', ...cells.map((cell) => cell.name)],
      ...names.map((name) => [name, ...stops.map((one) => rateText(shareStopped(one[name] ?? [])))]),
    ]),
  };
}

/** 4.1 and the traffic cells of 4.4: no difference, everybody looks. */
export async function independentFailures(runs: number, run: RunCell): Promise<Section> {
  const flat = await falseStops('against-others', nullCells, runs, run);
  const rough = await falseStops('against-others', roughCells, runs, run);
  const bars = [...nullCells, ...roughCells].flatMap((cell, i) => falseStopBars(cell.name, '', [...flat.stops, ...rough.stops][i] ?? {}));
  return { text: `${flat.text}\n${rough.text}`, bars };
}

/** The user cells of 4.4: what failures that come together do, and that counting users survives it. */
export async function failuresTogether(runs: number, run: RunCell): Promise<Section> {
  const { text, stops } = await falseStops('users', userCells, runs, run);
  const bars = userCells.flatMap((cell, i) => falseStopBars(`users, ${cell.name}`, 'users ', stops[i] ?? {}));
  const requests = falseStopBars('requests, independent failures', 'requests ', stops[0] ?? {});
  return { text, bars: [...requests, ...bars] };
}

/** Hosts that differ by 20 % and no fault. */
export async function hostsDiffer(runs: number, run: RunCell): Promise<Section> {
  const { text, stops } = await falseStops('hosts', hostCells, runs, run);
  const bars = hostCells.map((cell, i) => {
    const blocks = stops[i]?.['tolerance block'] ?? [];
    const { value } = shareStopped(blocks);
    return atMost(`false blocks, hosts ${cell.name}`, { value, error: Math.sqrt((0.001 * 0.999) / blocks.length) }, 0.001);
  });
  return { text, bars };
}

function pairs(a: readonly (number | null)[], b: readonly (number | null)[]): { readonly a: number[]; readonly b: number[] } {
  const both = a
    .map((value, i) => [value, b[i] ?? null] as const)
    .filter((pair): pair is readonly [number, number] => pair[0] !== null && pair[1] !== null);
  return { a: both.map(([value]) => value), b: both.map(([, value]) => value) };
}

const ratioOf = (statistic: (values: readonly number[]) => number) => (a: readonly number[], b: readonly number[]) =>
  statistic(a) / statistic(b);

type Compared = { readonly mean: Measured; readonly tail: Measured; readonly bound: Measured };

/** Delays of 4.2 against Wald's test, the bound and what others ship. */
export async function delays(runs: number, run: RunCell): Promise<Section> {
  const bars: Bar[] = [];
  const rows: string[][] = [];
  const ratios: string[][] = [
    ['', ...levels.flatMap(([level]) => ['plain', 'boosted'].map((form) => `${form} ${level}: mean/SPRT  p95/SPRT  mean/bound`))],
  ];
  for (const cell of effectCells) {
    const stops = await run('effect', cell, runs);
    const names = Object.keys(stops);
    if (rows.length === 0) rows.push(['requests per arm, mean/p95', 'bound .05', 'bound .01', ...names]);
    const bounds = levels.map(([, alpha]) => lowerBoundRequests(cell.control, cell.experiment, alpha));
    rows.push([
      cell.name,
      ...bounds.map((bound) => bound.toFixed(0)),
      ...names.map((name) => delayText(stops[name] ?? [], cell.perSecond)),
    ]);
    ratios.push([
      cell.name,
      ...levels.flatMap(([level, alpha], i) =>
        ['plain', 'boosted'].map((form) => {
          const { a, b } = pairs(stops[`${form} ${level}`] ?? [], stops[`SPRT ${level}`] ?? []);
          const bound = (bounds[i] as number) / cell.perSecond;
          const compared = {
            mean: resampled(a, b, ratioOf(mean)),
            tail: resampled(a, b, ratioOf(p95)),
            bound: resampled(a, b, (ours) => mean(ours) / bound),
          };
          if (mean(b) < tooQuickToCompare) return `(one look) ${ratioText(compared.mean)}`;
          bars.push(...delayBars(cell.name, form, level, alpha, compared));
          return `${ratioText(compared.mean)}  ${ratioText(compared.tail)}  ${ratioText(compared.bound)}`;
        }),
      ),
    ]);
  }
  return { text: `${tableText(transposed(rows))}\n${tableText(ratios)}`, bars };
}

function delayBars(cell: string, form: string, level: string, alpha: number, { mean: ratio, tail, bound }: Compared): Bar[] {
  const strict = alpha === 0.05 ? { plain: 1.4, boosted: 1.35 } : { plain: 1.3, boosted: 1.2 };
  const most = form === 'plain' ? strict.plain : strict.boosted;
  const mostOfBound = form === 'boosted' ? 1.5 : alpha === 0.05 ? 1.75 : 1.55;
  return [
    atMost(`mean delay / SPRT, ${cell}, ${form} ${level}`, ratio, most),
    atMost(`p95 delay / SPRT, ${cell}, ${form} ${level}`, tail, 1.35),
    atMost(`mean delay / bound, ${cell}, ${form} ${level}`, bound, mostOfBound),
  ];
}

/** "2275/5400", with the share that stopped when not all did; a stop that never comes is "never". */
function delayText(stops: readonly (number | null)[], perSecond: number): string {
  const stopped = stops.filter((stop) => stop !== null);
  if (stopped.length === 0) return 'never';
  const share = stopped.length < stops.length ? ` (${((100 * stopped.length) / stops.length).toFixed(0)} %)` : '';
  return `${(mean(stopped) * perSecond).toFixed(0)}/${(p95(stopped) * perSecond).toFixed(0)}${share}`;
}

function transposed(rows: readonly (readonly string[])[]): string[][] {
  return (rows[0] ?? []).map((_, i) => rows.map((row) => row[i] ?? ''));
}

/** Effects that begin late: delay after the onset, among the runs that had not stopped before it. */
export async function lateOnsets(runs: number, run: RunCell): Promise<Section> {
  const bars: Bar[] = [];
  const rows: string[][] = [
    ['seconds after the onset, alpha .05', 'stopped before', 'plain', 'boosted', 'plain / onset 0', 'boosted / onset 0'],
  ];
  const forms = ['plain .05', 'boosted .05'] as const;
  let atOnce: Record<string, number[]> = {};
  let late: { name: string; delays: Record<string, number[]> }[] = [];
  for (const cell of onsetCells) {
    const stops = await run('onset', cell, runs);
    const after = (name: string): number[] =>
      (stops[name] ?? []).flatMap((stop) => (stop !== null && stop > cell.onset ? [stop - cell.onset] : []));
    const before = (stops['boosted .05'] ?? []).map((stop) => (stop !== null && stop <= cell.onset ? stop : null));
    const delays = Object.fromEntries(forms.map((form) => [form, after(form)]));
    if (cell.onset === 0) [atOnce, late] = [delays, []];
    else late.push({ name: cell.name, delays });
    const ratios = forms.map((form) => unpaired(delays[form] ?? [], atOnce[form] ?? []));
    // The bar is of the plain test: boosting wins most where the onset is at once, so its own ratio is larger although it is never slower.
    if (cell.onset > 0) bars.push(atMost(`delay after onset / delay at once, ${cell.name}, plain .05`, ratios[0] as Measured, 2.5));
    if (late.length === 3)
      bars.push(
        ...forms.map((form) =>
          flatness(
            form,
            late.map(({ name, delays: all }) => ({ name, delays: all[form] ?? [] })),
          ),
        ),
      );
    rows.push([cell.name, rateText(shareStopped(before)), ...forms.map((form) => meanText(delays[form] ?? [])), ...ratios.map(ratioText)]);
  }
  return { text: tableText(rows), bars };
}

/** Mean delays of late onsets lie within a fifth of each other: flat. */
function flatness(form: string, late: readonly { readonly name: string; readonly delays: readonly number[] }[]): Bar {
  const sorted = [...late].sort((a, b) => mean(a.delays) - mean(b.delays));
  const [quickest, slowest] = [sorted[0], sorted.at(-1)] as [(typeof late)[number], (typeof late)[number]];
  return atMost(`flat in the onset, ${form}, ${slowest.name} / ${quickest.name}`, unpaired(slowest.delays, quickest.delays), 1.2);
}

/** The ratio of two independent means, with its error by the delta method. */
function unpaired(a: readonly number[], b: readonly number[]): Measured {
  const relative = (values: readonly number[]): number => {
    const centre = mean(values);
    return mean(values.map((value) => (value - centre) ** 2)) / (values.length * centre ** 2);
  };
  const value = mean(a) / mean(b);
  return { value, error: value * Math.sqrt(relative(a) + relative(b)) };
}

function meanText(values: readonly number[]): string {
  const centre = mean(values);
  return `${centre.toFixed(2)} ±${Math.sqrt(mean(values.map((value) => (value - centre) ** 2)) / values.length).toFixed(2)}`;
}

/** Speed and size. */
export function speed(measured: Throughput): Section {
  const { proportionPerSecond, countPerSecond, latenciesPerSecond, bytesPerCount, bytesPerLatencyArm } = measured;
  const rows = [
    ['proportion block updates at m <= 10, boosted, with interval', `${Math.round(proportionPerSecond)}/s of one core`],
    ['count block updates at m <= 10, boosted, with interval', `${Math.round(countPerSecond)}/s of one core`],
    ['latencies recorded', `${(latenciesPerSecond / 1e6).toFixed(1)} million/s of one core`],
    ['memory of a count metric', `${Math.round(bytesPerCount)} bytes`],
    ['memory of a latency metric and arm', `${Math.round(bytesPerLatencyArm)} bytes`],
  ];
  const exact = (value: number): Measured => ({ value, error: 0 });
  return {
    text: tableText(rows),
    bars: [
      atLeast('proportion updates a second', proportionPerSecond, 200_000),
      atLeast('count updates a second', countPerSecond, 200_000),
      atLeast('latencies a second', latenciesPerSecond, 10_000_000),
      atMost('bytes of a count metric', exact(bytesPerCount), 1024),
      atMost('bytes of a latency metric and arm', exact(bytesPerLatencyArm), 20 * 1024),
    ],
  };
}
