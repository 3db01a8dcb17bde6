import { HaldaneError } from '@haldane/core';
import type { Group } from './aws-calls.ts';

/** US dollars for an hour of one instance, by instance type. */
export type PriceTable = Readonly<Record<string, number>>;

/**
 * On demand, Linux, us-east-1, as commonly listed; for the order of magnitude. Prices differ by region, contract and month: whoever wants
 * their own figures gives their own table.
 */
export const commonPrices: PriceTable = {
  't3.micro': 0.0104,
  't3.small': 0.0208,
  't3.medium': 0.0416,
  't3.large': 0.0832,
  't4g.micro': 0.0084,
  't4g.small': 0.0168,
  't4g.medium': 0.0336,
  'm5.large': 0.096,
  'm5.xlarge': 0.192,
  'm6i.large': 0.096,
  'm6i.xlarge': 0.192,
  'c5.large': 0.085,
  'c5.xlarge': 0.17,
  'c6i.large': 0.085,
  'r5.large': 0.126,
  'r5.xlarge': 0.252,
};

/** AWS bills an instance for a minute at least. */
const leastSeconds = 60;

/** What both arms cost for so long in US dollars, at most; `unknown` names types that the table has no price for. */
export function priceOf(
  production: Group,
  table: PriceTable,
  instances: number,
  seconds: number,
): { readonly usd: number; readonly unknown: readonly string[] } {
  const types = [...new Set(production.instances.map((one) => one.type))];
  const hours = Math.max(leastSeconds, seconds) / 3600;
  const dearest = Math.max(0, ...types.map((type) => table[type] ?? 0));
  return { usd: dearest * instances * 2 * hours, unknown: types.filter((type) => table[type] === undefined) };
}

/** Reads a table as its owner wrote it: JSON, type to dollars an hour. Throws `bad-request` naming the entry. */
export function readPrices(text: string, source: string): PriceTable {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch (cause) {
    throw new HaldaneError('bad-request', `${source} is no JSON: write {"t3.micro": 0.0104, ...}`, { cause });
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new HaldaneError('bad-request', `${source}: write {"t3.micro": 0.0104, ...}`);
  for (const [type, price] of Object.entries(read))
    if (typeof price !== 'number' || !(price >= 0))
      throw new HaldaneError('bad-request', `${source}: ${type} is ${JSON.stringify(price)}; write US dollars an hour, like 0.0104`);
  return read as PriceTable;
}
