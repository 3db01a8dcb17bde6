import { isDeepStrictEqual } from 'node:util';
import { HaldaneError, type Json, messageOf, type OutsideCheck, type ServiceRef } from '@haldane/core';
import { named } from './named.ts';

const withinMs = 5_000;
const mostBytes = 1_000_000;

/**
 * Asks the address: 2xx is yes, if what must be there is there; another answer is no. Throws `unavailable` without an answer, and for a
 * redirect, which may lead anywhere. No word of the answer but what was asked for is repeated, and the header's value never is.
 */
export async function askHttp(
  { url, header, at, is }: NonNullable<OutsideCheck['http']>,
  env: Readonly<Record<string, string>>,
  run: ServiceRef,
  signal: AbortSignal,
): Promise<string | null> {
  const address = named(url, run, encodeURIComponent);
  const { origin } = new URL(address);
  const value = header === undefined ? null : env[header.valueEnv];
  if (value === undefined)
    throw new HaldaneError('unavailable', `the variable ${header?.valueEnv}, which ${origin} is to be asked with, is not set`);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address, {
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(withinMs)]),
      headers: { accept: 'application/json', ...(header === undefined || value === null ? {} : { [header.name]: value }) },
    });
    text = await textOf(answer);
  } catch (error) {
    signal.throwIfAborted();
    // The cause names what is wrong; it is about connections and holds nothing of ours.
    throw new HaldaneError('unavailable', `${origin} did not answer: ${messageOf((error as Error).cause ?? error)}`);
  }
  if (answer.status >= 300 && answer.status < 400)
    throw new HaldaneError('unavailable', `${origin} answered ${answer.status}, a redirect, which is not followed`);
  if (!answer.ok) return `${origin} answered ${answer.status}`;
  if (at === undefined) return null;
  const found = valueAt(parsed(text, origin), at);
  if (isDeepStrictEqual(found, is)) return null;
  return `${origin} says ${at} is ${found === undefined ? 'not there' : JSON.stringify(found).slice(0, 100)}, and not ${JSON.stringify(is)}`;
}

async function textOf(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of answer.body ?? []) {
    bytes += part.length;
    if (bytes > mostBytes) throw new Error(`its answer is longer than ${mostBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
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
