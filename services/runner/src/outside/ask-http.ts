import { isDeepStrictEqual } from 'node:util';
import { HaldaneError, type Json, messageOf, type OutsideCheck, type ServiceRef } from '@haldane/core';
import type { Answer, Egress } from '@haldane/egress';
import { named } from './named.ts';

const withinMs = 5_000;
const mostBytes = 1_000_000;

/**
 * Asks the address: 2xx is yes, if what must be there is there; another answer is no. Throws `unavailable` without an answer, and for a
 * redirect, which may lead anywhere. No word of the answer but what was asked for is repeated, and the header's value never is. The host is the
 * word of whoever wrote the policy, unless the name of a service is part of it.
 */
export async function askHttp(
  { url, header, at, is }: NonNullable<OutsideCheck['http']>,
  { env, egress }: { readonly env: Readonly<Record<string, string>>; readonly egress: Egress },
  run: ServiceRef,
  signal: AbortSignal,
): Promise<string | null> {
  const address = named(url, run, encodeURIComponent);
  const { origin, host } = new URL(address);
  const value = header === undefined ? null : env[header.valueEnv];
  if (value === undefined)
    throw new HaldaneError('unavailable', `the variable ${header?.valueEnv}, which ${origin} is to be asked with, is not set`);
  const headers = { accept: 'application/json', ...(header === undefined || value === null ? {} : { [header.name]: value }) };
  const byOperator = URL.canParse(url) && new URL(url).host === host;
  let answer: Answer;
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
    answer = await egress.send({ method: 'GET', url: address, headers, byOperator, mostBytes }, limit);
  } catch (error) {
    signal.throwIfAborted();
    throw new HaldaneError('unavailable', `${origin}: ${messageOf(error)}`);
  }
  if (answer.status >= 300 && answer.status < 400)
    throw new HaldaneError('unavailable', `${origin} answered ${answer.status}, a redirect, which is not followed`);
  if (answer.status < 200 || answer.status >= 300) return `${origin} answered ${answer.status}`;
  if (at === undefined) return null;
  const found = valueAt(parsed(answer.body, origin), at);
  if (isDeepStrictEqual(found, is)) return null;
  return `${origin} says ${at} is ${found === undefined ? 'not there' : JSON.stringify(found).slice(0, 100)}, and not ${JSON.stringify(is)}`;
}

function parsed(text: string, origin: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new HaldaneError('unavailable', `${origin} answered something that is no JSON`);
  }
}

/** What stands at the JSON pointer (RFC 6901); undefined when nothing does. */
function valueAt(value: Json, pointer: string): Json | undefined {
  let here: Json | undefined = value;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    here = typeof here === 'object' && here !== null && Object.hasOwn(here, key) ? (here as Record<string, Json>)[key] : undefined;
  }
  return here;
}
