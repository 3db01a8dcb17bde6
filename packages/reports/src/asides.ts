import type { Arm, Block, Difference } from '@haldane/core';
import type { Report } from './report.ts';

/** Trace ids that a report names, by arm and kind; the JSON report has them all. */
const shownTraces = 5;
const arms = ['control', 'experiment'] as const satisfies readonly Arm[];

/** What a run tells of users beside the comparison: what they were kept from, and where to look for what they met. Empty when there is nothing. */
export function asides({ evidence }: Report): readonly string[] {
  const { blocks } = evidence;
  return [...shieldedWords(blocks), ...mirroredWords(blocks), ...strippedWords(blocks), ...traceWords(blocks)];
}

function shieldedWords(blocks: readonly Block[]): readonly string[] {
  const of = (arm: Arm) => sum(blocks, (block) => block.shielded?.[arm] ?? 0);
  return of('control') + of('experiment') === 0
    ? []
    : [
        `production answered in place of ${of('experiment')} failures of the experiment and ${of('control')} of control, so no user saw them`,
      ];
}

function mirroredWords(blocks: readonly Block[]): readonly string[] {
  const words = arms.map((arm) => {
    const of = (difference: Difference) => sum(blocks, (block) => block.mirrored?.[arm][difference] ?? 0);
    const all = of('same') + of('status') + of('body');
    return {
      all,
      text: `${arm} answered ${all} copies, ${of('status')} with another status and ${of('body')} with another body than production`,
    };
  });
  return words.some(({ all }) => all > 0) ? words.map(({ text }) => text) : [];
}

function strippedWords(blocks: readonly Block[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { stripped } of blocks)
    for (const [kind, count] of Object.entries(stripped ?? {})) counts.set(kind, (counts.get(kind) ?? 0) + count);
  return counts.size === 0
    ? []
    : [`kept from clients and caches while the fault was on: ${[...counts].map(([kind, count]) => `${kind} ${count}`).join(', ')}`];
}

function traceWords(blocks: readonly Block[]): readonly string[] {
  return arms.flatMap((arm) =>
    (['failed', 'well'] as const).flatMap((kind) => {
      const ids = blocks.flatMap(({ traces }) => traces?.[arm][kind] ?? []);
      return ids.length === 0
        ? []
        : [
            `traces of requests that ${kind === 'failed' ? 'failed' : 'went well'} in ${arm}: ${ids.slice(0, shownTraces).join(', ')}${ids.length > shownTraces ? ` (${ids.length} in all)` : ''}`,
          ];
    }),
  );
}

function sum(blocks: readonly Block[], of: (block: Block) => number): number {
  return blocks.reduce((all, block) => all + of(block), 0);
}
