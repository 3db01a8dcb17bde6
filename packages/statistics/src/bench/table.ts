import type { Measured } from './measure.ts';

/** A plain-text table: first column left, the others right. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows
    .map((row) => `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}`)
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** ".0412 ±.0022" */
export function rateText({ value, error }: Measured): string {
  return `${value.toFixed(4)} ±${error.toFixed(4)}`;
}

export function ratioText({ value, error }: Measured): string {
  return `${value.toFixed(2)} ±${error.toFixed(2)}`;
}
