import { type Arm, arms, type Block } from '@haldane/core';
import { percent } from '../sentences.ts';

const bars = '▁▂▃▄▅▆▇█';
const mostColumns = 80;

/**
 * The share of each arm's requests that failed, second by second, as two lines of text that any page shows: bars of one scale, a dot where nobody
 * asked. Long runs are drawn with several seconds a column, each as high as the worst of them. Null when no user's request reached an arm.
 */
export function armsPlot(blocks: readonly Block[], startedAt: number, injectedAt: number | null): string | null {
  const share = (block: Block, arm: Arm) => (block.real[arm].requests === 0 ? null : block.real[arm].failures / block.real[arm].requests);
  const shares = blocks.flatMap((block) => arms.map((arm) => share(block, arm))).filter((one) => one !== null);
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (shares.length === 0 || first === undefined || last === undefined) return null;
  const top = Math.max(...shares);
  const wide = Math.ceil(blocks.length / mostColumns);
  const columns = Array.from({ length: Math.ceil(blocks.length / wide) }, (_, index) => blocks.slice(index * wide, (index + 1) * wide));
  const drawn = (arm: Arm) =>
    columns.map((column) => {
      const worst = column.map((block) => share(block, arm)).filter((one) => one !== null);
      return worst.length === 0 ? '·' : bars[top === 0 ? 0 : Math.ceil((Math.max(...worst) / top) * (bars.length - 1))];
    });
  const at = injectedAt === null ? -1 : columns.findIndex((column) => column.some((block) => block.at * 1000 >= injectedAt));
  const since = (second: number) => `${second - Math.floor(startedAt / 1000)} s`;
  return [
    ...arms.map((arm) => `${arm.padEnd(10)} ${drawn(arm).join('')}`),
    ...(at < 0 ? [] : [`${' '.repeat(11 + at)}^ the change`]),
    `${since(first.at)} to ${since(last.at + 1)}${wide === 1 ? '' : `, ${wide} s a column`}; highest: ${percent(top)} of an arm's requests in a second`,
  ].join('\n');
}
