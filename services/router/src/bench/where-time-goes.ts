import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Profile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** First match wins. What has no file of its own is native: system calls, the parser in C. */
const areas: readonly (readonly [string, RegExp])[] = [
  ['idle', /^\(idle\)/],
  ['garbage collection', /^\(garbage collector\)/],
  ['system calls and native code', /^[^:/]*$/],
  [
    'ours: placing, budget, counting',
    /(router\/dist\/(run|door\/(placement|rate|in-flight|route))|dataplane\/dist|statistics\/dist|core\/dist|lease|time\.js)/,
  ],
  ['ours: headers', /router\/dist\/door\/headers/],
  ['ours: forwarding', /router\/dist\//],
  ['undici', /undici\/|wasm:/],
  ['node: http', /node:(_http|internal\/http)/],
  ['node: sockets and streams', /node:(net|internal\/(stream|net)|_stream|internal\/streams|stream)/],
  ['node: timers, events, ticks', /node:(events|internal\/(timers|process|async|util)|timers)/],
  ['node: crypto', /node:(crypto|internal\/crypto)/],
];

export type Share = { readonly area: string; readonly share: number; readonly top: string };

/** Where the processor's time went, by area, most first, from the one profile in this folder. Idle time is left out. */
export function whereTimeGoes(dir: string): readonly Share[] {
  const file = readdirSync(dir).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error('the router left no profile');
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as Profile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, Map<string, number>>();
  let all = 0;
  for (const [i, sample] of profile.samples.entries()) {
    const frame = frames.get(sample);
    const name = frame?.functionName || '(anonymous)';
    const area = areas.find(([, pattern]) => pattern.test(`${frame?.url || name}`))?.[0] ?? 'other';
    if (area === 'idle') continue;
    const delta = profile.timeDeltas[i] ?? 0;
    all += delta;
    const byName = spent.get(area) ?? new Map<string, number>();
    byName.set(name, (byName.get(name) ?? 0) + delta);
    spent.set(area, byName);
  }
  return [...spent]
    .map(([area, byName]) => {
      const sum = [...byName.values()].reduce((a, b) => a + b, 0);
      const top = [...byName].sort(([, a], [, b]) => b - a).slice(0, 4);
      return { area, share: sum / all, top: top.map(([name, part]) => `${name} ${((100 * part) / all).toFixed(1)}`).join(', ') };
    })
    .sort((a, b) => b.share - a.share);
}
