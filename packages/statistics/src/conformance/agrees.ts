/** Where `got` differs from `expected`, in words; null when every number is within absTol + relTol·|expected|. Integers, nulls and infinities are compared alike. */
export function disagreement(got: unknown, expected: unknown, relTol: number, absTol: number, path = 'value'): string | null {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length)
      return `${path}: got ${JSON.stringify(got)}, expected ${expected.length} values`;
    return first(expected.map((value, i) => disagreement(got[i], value, relTol, absTol, `${path}[${i}]`)));
  }
  if (typeof expected === 'object' && expected !== null) {
    const given = got as Record<string, unknown> | null;
    if (typeof given !== 'object' || given === null) return `${path}: got ${JSON.stringify(got)}, expected an object`;
    return first(Object.entries(expected).map(([key, value]) => disagreement(given[key], value, relTol, absTol, `${path}.${key}`)));
  }
  const want = asNumber(expected);
  const have = asNumber(got);
  if (want === null) return have === null || have === Number.POSITIVE_INFINITY ? null : `${path}: got ${have}, expected null`;
  if (have === null || Number.isNaN(have)) return `${path}: got ${String(got)}, expected ${want}`;
  if (have === want || Math.abs(have - want) <= absTol + relTol * Math.abs(want)) return null;
  return `${path}: got ${have}, expected ${want}, off by ${Math.abs(have - want)}`;
}

/** JSON has no infinity: it arrives as a word, or as null. */
function asNumber(value: unknown): number | null {
  if (value === undefined) return Number.NaN;
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'string')
    return /^\+?(inf|infinity)$/i.test(value)
      ? Number.POSITIVE_INFINITY
      : /^-(inf|infinity)$/i.test(value)
        ? Number.NEGATIVE_INFINITY
        : Number(value);
  return value as number;
}

function first(problems: readonly (string | null)[]): string | null {
  return problems.find((problem) => problem !== null) ?? null;
}
