import type { VerdictRecord } from '@haldane/core';
import type { LatencyEffects } from './latency.ts';
import { count, significant } from './words.ts';

/**
 * How large the differences between the arms are, each as its confidence sequence: what was merely seen at a stop is biased upwards, these
 * hold however the run came to its end. Null where nothing was compared.
 */
export function effectWords({ oddsRatio, excessFailures, unit, more }: VerdictRecord): string | null {
  const { p95, level } = more['latencyMs'] as LatencyEffects;
  const known: string[] = [];
  if (oddsRatio !== null) known.push(`odds of failing ${range(oddsRatio, significant)} times those of control`);
  if (excessFailures !== null)
    known.push(`${range(excessFailures, signed)} failing ${unit === 'keys' ? 'users' : 'requests'} beyond what control explains`);
  if (p95 !== null)
    known.push(
      `p95 of answers ${range(p95.difference, signed)} ms longer (seen: ${p95.experiment.seen} ms, in control ${p95.control.seen} ms)`,
    );
  return known.length === 0 ? null : `how large, each with ${Math.round(level * 100)} % at any stopping time: ${known.join('; ')}`;
}

function range({ low, high }: { readonly low: number | null; readonly high: number | null }, word: (value: number) => string): string {
  if (low === null) return high === null ? 'by an unknown number of' : `at most ${word(high)}`;
  return high === null ? `at least ${word(low)}` : `${word(low)} to ${word(high)}`;
}

function signed(value: number): string {
  return value < 0 ? `−${count(-value)}` : count(value);
}
