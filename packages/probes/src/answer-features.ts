import type { Feature, ProbeStream } from '@haldane/core';
import { classOf, type RawAnswer } from './classify-answer.ts';

/** Headers whose presence belongs to a service's security posture. */
const watchedHeaders = [
  'strict-transport-security',
  'content-security-policy',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
  'cache-control',
  'www-authenticate',
] as const;

export type SeenFeature = Pick<Feature, 'kind' | 'name'>;

/** What can be told of one synthetic answer and compared between arms: its class, its security headers, its error text. */
export function featuresOf(kind: ProbeStream['kind'], answer: RawAnswer | null): readonly SeenFeature[] {
  const features: SeenFeature[] = [{ kind: 'class', name: `${kind}: ${classOf(answer)}` }];
  if (answer === null) return features;
  for (const header of watchedHeaders)
    if (answer.headers[header] !== undefined) features.push({ kind: 'header', name: `${kind}: ${header}` });
  const text = answer.status >= 400 ? errorText(answer) : null;
  if (text !== null) features.push({ kind: 'error', name: `${kind} ${answer.status}: ${text}` });
  return features;
}

/** What an error answer says, without what differs from one to the next; null when it says nothing. At most 80 characters. */
export function errorText({ headers, body }: RawAnswer): string | null {
  const said = /json/.test(headers['content-type'] ?? '')
    ? fromJson(body)
    : /html|xml/.test(headers['content-type'] ?? '')
      ? /<title>([^<]*)/i.exec(body)?.[1]
      : body.split('\n')[0];
  const text = normalised(said ?? '');
  return text === '' ? null : text;
}

function fromJson(body: string): string | undefined {
  try {
    const parsed = JSON.parse(body) as Record<string, unknown> | null;
    const inner = typeof parsed?.error === 'object' && parsed.error !== null ? (parsed.error as Record<string, unknown>) : parsed;
    return ['detail', 'error_description', 'message', 'title', 'error', 'code']
      .map((key) => inner?.[key])
      .find((value): value is string => typeof value === 'string');
  } catch {
    return undefined;
  }
}

function normalised(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, 'UUID')
    .replaceAll(/eyJ[\w-]*(\.[\w-]*){1,2}/g, 'TOKEN')
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, 'HEX')
    .replaceAll(/\d+(\.\d+)?/g, 'N')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 80);
}
