/** A quantity that was read, or what is wrong with it and how to fix it. */
export type Quantity = { readonly value: number } | { readonly wrong: string };

const secondsPer: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds from `30s`, `2m`, `1h30m`, `250ms` or a plain number of seconds. */
export function readDuration(written: unknown): Quantity {
  const how = 'write it like 30s, 2m, 1h30m or a number of seconds';
  if (typeof written === 'number')
    return Number.isFinite(written) && written >= 0 ? { value: written } : { wrong: `is no length of time; ${how}` };
  if (typeof written !== 'string') return { wrong: `is no length of time; ${how}` };
  const text = written.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return { value: Number(text) };
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return { wrong: `is no length of time; ${how}` };
  let seconds = 0;
  for (const part of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) seconds += Number(part[1]) * (secondsPer[part[2] ?? 's'] ?? 1);
  return { value: Math.round(seconds * 1000) / 1000 };
}

/** A share 0..1 from `20%` or `0.2`. */
export function readShare(written: unknown): Quantity {
  const how = 'write it like 20% or 0.2';
  if (typeof written === 'number') {
    if (Number.isFinite(written) && written > 1) return { wrong: `is more than the whole; for ${written} percent write "${written}%"` };
    return Number.isFinite(written) && written >= 0 ? { value: written } : { wrong: `is no share; ${how}` };
  }
  const match = typeof written === 'string' ? /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(written.trim()) : null;
  if (!match) return { wrong: `is no share; ${how}` };
  if (match[2] === '') return readShare(Number(match[1]));
  const value = Number(match[1]) / 100;
  return value > 1 ? { wrong: 'is more than the whole; the most is 100%' } : { value: Number(value.toPrecision(12)) };
}

/** Requests a second from `20/s`, `90/m` or a plain number. */
export function readRate(written: unknown): Quantity {
  const how = 'write it like 20/s, 90/m or a number a second';
  if (typeof written === 'number') return Number.isFinite(written) && written >= 0 ? { value: written } : { wrong: `is no rate; ${how}` };
  const match = typeof written === 'string' ? /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(written.trim()) : null;
  if (!match) return { wrong: `is no rate; ${how}` };
  return { value: Number(match[1]) / (secondsPer[match[2] ?? 's'] ?? 1) };
}
