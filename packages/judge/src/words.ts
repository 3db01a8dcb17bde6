/** A count as people write it: 1,200. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A share (0..1) in percent with two significant digits; never rounds something to "0 %". */
export function percent(share: number): string {
  const value = share * 100;
  if (value === 0) return '0 %';
  if (value >= 99.95) return '100 %';
  return `${value >= 10 ? value.toFixed(0) : significant(value)} %`;
}

/** An e-value that is kept as a logarithm, in words. */
export function evidenceWords(logE: number): string {
  const e = Math.exp(Math.min(logE, 700));
  if (e >= 1e6) return `E above ${count(1e6)}`;
  return `E = ${e >= 100 ? count(e) : significant(e)}`;
}

/** Two significant digits without an exponent where one can do without. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'infinite' : String(value);
  if (value === 0) return '0';
  const text = Number(value.toPrecision(2));
  return Math.abs(text) >= 1e-6 && Math.abs(text) < 1e9 ? String(text) : text.toExponential();
}

/** "1 request", "2 requests". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** With a full stop. */
export function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`;
}
