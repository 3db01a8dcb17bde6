import type { StrippedKind } from '@haldane/core';

/** Headers that outlive the answer they came with, in a client or in a cache on the way. */
const lasting: ReadonlyMap<string, StrippedKind> = new Map([
  ['strict-transport-security', 'transport-security'],
  ['public-key-pins', 'transport-security'],
  ['public-key-pins-report-only', 'transport-security'],
  ['expect-ct', 'transport-security'],
  ['clear-site-data', 'clear-site-data'],
  ['alt-svc', 'alternative'],
  ['nel', 'policy'],
  ['report-to', 'policy'],
  ['accept-ch', 'policy'],
  ['use-as-dictionary', 'policy'],
  ['access-control-max-age', 'policy'],
]);
/** How an answer says for how long it may be kept: replaced, so not counted when it allowed nothing. */
const keeping = new Set([
  'cache-control',
  'expires',
  'pragma',
  'surrogate-control',
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'vercel-cdn-cache-control',
  'netlify-cdn-cache-control',
  'edge-control',
  'x-accel-expires',
]);
/** A permanent redirect is kept by browsers for ever; its temporary twin sends the user to the same place with the same method. */
const temporary: ReadonlyMap<number, number> = new Map([
  [301, 302],
  [308, 307],
]);
const nowhere = ['cache-control', 'no-store', 'cdn-cache-control', 'no-store', 'surrogate-control', 'no-store'];

export type AnswerHead = { readonly status: number; readonly headers: readonly string[] };

/**
 * An arm's answer as it may leave while a fault is on: nothing of it is kept by anybody, so the harm ends when the fault does. Tells each
 * kind that was taken out, once an answer.
 */
export function leaveNothing({ status, headers }: AnswerHead, tell: (kind: StrippedKind) => void): AnswerHead {
  const left: string[] = [];
  const taken = new Set<StrippedKind>();
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const lower = name.toLowerCase();
    const kind = lasting.get(lower);
    if (kind !== undefined) taken.add(kind);
    else if (!keeping.has(lower)) left.push(name, value);
    else if (!/\bno-store\b/i.test(value)) taken.add('caching');
  }
  const softer = temporary.get(status);
  if (softer !== undefined) taken.add('permanent-redirect');
  for (const kind of taken) tell(kind);
  return { status: softer ?? status, headers: [...left, ...nowhere] };
}
