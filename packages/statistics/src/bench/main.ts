import { parseArgs } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import type { Bar } from './bars.ts';
import { hireCrew, workAsCrew } from './crew.ts';
import { delays, failuresTogether, hostsDiffer, independentFailures, lateOnsets, type RunCell, type Section, speed } from './sections.ts';
import { tableText } from './table.ts';
import { measureThroughput } from './throughput.ts';

const threads = 2;
/** Pieces that a cell's runs are cut into: enough to keep both threads busy to the end. */
const pieces = 8;

const full = { rough: 8000, users: 8000, hosts: 2000, delays: 2000, onsets: 2000 };
const quick = { rough: 400, users: 400, hosts: 1000, delays: 200, onsets: 300 };

function barRows(bars: readonly Bar[]): string {
  return tableText([
    ['bar', 'measured', 'limit', ''],
    ...bars.map(({ name, measured, most, verdict }) => [
      name,
      measured.error > 0 ? `${measured.value.toFixed(4)} ±${measured.error.toFixed(4)}` : String(Math.round(measured.value)),
      String(most),
      verdict,
    ]),
  ]);
}

async function main(words: string[]): Promise<number> {
  const { values } = parseArgs({
    args: words,
    options: { quick: { type: 'boolean', default: false }, seed: { type: 'string', default: '20240607' } },
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    process.stderr.write(`--seed is ${values.seed}; give a whole number of at least 0\n`);
    return 2;
  }
  const runs = values.quick ? quick : full;
  const began = performance.now();
  const say = (text: string): void => void process.stdout.write(text);
  say(`statistics benchmark, ${values.quick ? 'quick' : 'full'}, seed ${seed}, Node ${process.version}; ± is one standard error\n`);
  // Alone, before the threads begin.
  const measured = speed(measureThroughput(seed));
  const crew = hireCrew(new URL(import.meta.url), threads);
  const run: RunCell = (kind, cell, count) =>
    crew.run(
      Array.from({ length: pieces }, (_, i) => ({
        kind,
        cell: cell.id,
        seed,
        from: Math.floor((i * count) / pieces),
        to: Math.floor(((i + 1) * count) / pieces),
      })),
    );
  const bars: Bar[] = [];
  const show = (title: string, section: Section): void => {
    say(`\n${title} (after ${Math.round((performance.now() - began) / 1000)} s)\n\n${section.text}`);
    bars.push(...section.bars);
  };
  try {
    show('Speed and size', measured);
    show(
      `False stops, no difference, a look every second for an hour (traffic cells: half an hour), ${runs.rough} runs a cell`,
      await independentFailures(runs.rough, run),
    );
    show(
      `False stops, failures that come together, a look every second for half an hour, ${runs.users} runs a cell`,
      await failuresTogether(runs.users, run),
    );
    show(`Hosts that differ by up to 20 % and no fault, an hour, ${runs.hosts} runs a cell`, await hostsDiffer(runs.hosts, run));
    show(`Delay from the first second on, ${runs.delays} runs a cell`, await delays(runs.delays, run));
    show(`Delay after a late onset, ${runs.onsets} runs a cell`, await lateOnsets(runs.onsets, run));
  } finally {
    await crew.dismiss();
  }
  const missed = bars.filter(({ verdict }) => verdict === 'MISSED');
  const met = bars.filter(({ verdict }) => verdict === 'met');
  say(`\nBars: met; beyond it by chance (up to 3 standard errors); or missed\n\n${barRows(bars)}`);
  say(
    `\n${met.length} of ${bars.length} bars met, ${bars.length - met.length - missed.length} within error, ${missed.length} missed; ${Math.round((performance.now() - began) / 1000)} s\n`,
  );
  return missed.length > 0 ? 1 : 0;
}

if (isMainThread) process.exitCode = await main(process.argv.slice(2));
else workAsCrew();
