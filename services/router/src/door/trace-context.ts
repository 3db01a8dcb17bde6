import type { Arm } from '@haldane/core';
import { randomHex } from './random-hex.ts';

/** W3C Trace Context: version 00 has exactly four fields, a later one may add some; no id is all zero. */
const traceparent = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const mostStates = 32;
/** What every vendor must pass on at least (W3C Trace Context 3.3.1.5, Baggage 3.3.2). */
const longestState = 512;
const longestBaggage = 8192;

/** A trace's id, and the request's headers (flat) with it. */
export type Traced = { readonly traceId: string; readonly headers: readonly string[] };

/**
 * Names run and arm in the trace of a request that enters an arm, so that a tracing backend finds it: `tracestate: haldane=<run>.<arm>`
 * and `baggage: haldane.run=<run>,haldane.arm=<arm>`. A valid `traceparent` is kept, its sampling decision too; without one a sampled trace
 * begins here, and a `tracestate` that stood alone is dropped, as the specification asks.
 */
export function traced(headers: readonly string[], runId: string, arm: Arm): Traced {
  const others: string[] = [];
  const states: string[] = [];
  const baggage: string[] = [];
  const parents: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    switch (traceNameOf(name)) {
      case 'traceparent':
        parents.push(value.trim());
        break;
      case 'tracestate':
        states.push(...members(value));
        break;
      case 'baggage':
        baggage.push(...members(value));
        break;
      default:
        others.push(name, value);
    }
  }
  const [parent] = parents;
  const known = parents.length === 1 && parent !== undefined ? traceparent.exec(parent) : null;
  const valid = known !== null && !(known[1] === '00' && known[5] !== undefined) ? known[2] : undefined;
  const traceId = valid ?? randomHex(16);
  const inherited = valid === undefined ? [] : states.filter((one) => !one.startsWith('haldane='));
  return {
    traceId,
    headers: [
      ...others,
      'traceparent',
      valid === undefined ? `00-${traceId}-${randomHex(8)}-01` : (parent as string),
      'tracestate',
      fitting([`haldane=${runId}.${arm}`, ...inherited.slice(0, mostStates - 1)], longestState),
      'baggage',
      fitting([`haldane.run=${runId}`, `haldane.arm=${arm}`, ...baggage.filter((one) => !isOurs(one))], longestBaggage),
    ],
  };
}

/** Most names are of another length and need no copy in small letters. */
function traceNameOf(name: string): string {
  return name.length === 11 || name.length === 10 || name.length === 7 ? name.toLowerCase() : '';
}

/** Baggage without what a client says in our name; null when nothing is left. */
export function withoutOurBaggage(value: string): string | null {
  return (
    (/haldane\./i.test(value)
      ? members(value)
          .filter((one) => !isOurs(one))
          .join(',')
      : value) || null
  );
}

function isOurs(member: string): boolean {
  return /^haldane\./i.test(member);
}

function members(value: string): string[] {
  return value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** As many of these as fit, the first ones first. */
function fitting(list: readonly string[], longest: number): string {
  let text = '';
  for (const one of list) {
    const longer = text === '' ? one : `${text},${one}`;
    if (longer.length > longest) break;
    text = longer;
  }
  return text;
}
