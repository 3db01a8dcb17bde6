import { HaldaneError } from '@haldane/core';

/** A share strictly between 0 and 1 from `1%` or `0.01`. Throws `bad-request` naming the option. */
export function parseShare(option: string, written: string): number {
  const match = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(written);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (!(share > 0 && share < 1))
    throw new HaldaneError('bad-request', `${option}: "${written}" is no share of requests; write one like 1% or 0.01`);
  return share;
}

/** A whole number within bounds. Throws `bad-request` naming the option. */
export function parseWhole(option: string, written: string, least: number, most: number): number {
  const value = Number(written);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new HaldaneError('bad-request', `${option}: "${written}" should be a whole number from ${least} to ${most}`);
  return value;
}
