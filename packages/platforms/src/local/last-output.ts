import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { instanceFiles } from './keeper/order.ts';

/** The last lines of an instance's output; empty when it said nothing. */
export function lastOutput(folder: string, lines: number): string {
  const text = [instanceFiles.olderOutput, instanceFiles.output].map((file) => read(join(folder, file))).join('');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
