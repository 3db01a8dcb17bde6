import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/** Seeds samples: SAMPLE_SEED when it is set, the commit, or the day where git cannot tell. */
export function seedOfSamples(): string {
  const wanted = process.env['SAMPLE_SEED'];
  if (wanted !== undefined) return wanted;
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return new Date().toISOString().slice(0, 10);
  }
}

/** So many different numbers from 0 to below `of`, drawn by a seed and a name, in order. */
export function draws(seed: string, name: string, many: number, of: number): readonly number[] {
  const drawn = new Set<number>();
  for (let n = 0; drawn.size < Math.min(many, of); n += 1)
    drawn.add(createHash('sha256').update(`${seed}:${name}:${n}`).digest().readUInt32BE() % of);
  return [...drawn].sort((a, b) => a - b);
}

/** Those of the cases that SAMPLE_PART asks for: the second of five parts for `2/5`, each as mixed as the whole. All where it is not set. */
export function partOf<C>(cases: readonly C[]): readonly C[] {
  const wanted = process.env['SAMPLE_PART'];
  if (wanted === undefined) return cases;
  const [part = 0, parts = 0] = wanted.split('/').map(Number);
  if (!(part >= 1 && part <= parts)) throw new Error(`SAMPLE_PART is ${wanted}: write which part of how many, like 2/5`);
  return cases.filter((_, at) => at % parts === part - 1);
}
