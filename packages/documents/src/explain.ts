import type { JsonObject } from '@haldane/core';
import type { ErrorObject } from 'ajv';
import { nearest, nearestOfAll } from './nearest.ts';
import { pathOf } from './problem.ts';

/** A problem before it is placed in a text: the keys that lead to it. `key`: it is about the key, not the value. */
export type Finding = { readonly keys: readonly (string | number)[]; readonly message: string; readonly about: 'value' | 'key' };

type Explained = Finding & { readonly keyword: string; readonly stands: string | null };

/**
 * What the errors of a schema check mean to the person who wrote the document: for each value what is wrong with it and
 * how to fix it. `hidden` says whether the value at a path must not be shown (it came from the environment); values that
 * the schema marks `writeOnly` are never shown.
 */
export function explain(
  errors: readonly ErrorObject[],
  schema: JsonObject,
  hidden: (keys: readonly (string | number)[]) => boolean = () => false,
): readonly Finding[] {
  // What is wrong with a key is told by the error of its own; `propertyNames` only repeats that there is one.
  const explained = errors
    .filter((error) => error.keyword !== 'if' && error.keyword !== 'propertyNames')
    .map((error) => explainOne(error, schema, hidden));
  const kept: Explained[] = [];
  for (const one of explained) {
    const path = pathOf(one.keys);
    // A key that is misspelt is not also missing, and a value of the wrong type is not also wrong in other ways.
    if (
      one.stands !== null &&
      one.keyword === 'required' &&
      explained.some(
        (other) => other.keyword === 'additionalProperties' && other.stands === one.stands && samePlace(other.keys.slice(0, -1), one.keys),
      )
    )
      continue;
    if (
      one.keyword !== 'type' &&
      one.keyword !== 'required' &&
      explained.some((other) => other.keyword === 'type' && pathOf(other.keys) === path)
    )
      continue;
    if (kept.some((other) => other.message === one.message && pathOf(other.keys) === path)) continue;
    kept.push(one);
  }
  return kept.map(({ keys, message, about }) => ({ keys, message, about }));
}

function samePlace(a: readonly (string | number)[], b: readonly (string | number)[]): boolean {
  return pathOf(a) === pathOf(b);
}

function explainOne(error: ErrorObject, schema: JsonObject, hidden: (keys: readonly (string | number)[]) => boolean): Explained {
  if (error.propertyName !== undefined) return explainName(error, error.propertyName);
  const keys = keysOf(error.instancePath);
  const parent = (error.parentSchema ?? {}) as Record<string, unknown>;
  const shown = parent.writeOnly === true || hidden(keys) ? 'the value' : show(error.data);
  const params = error.params as Record<string, unknown>;
  const value = (message: string): Explained => ({ keys, message, about: 'value', keyword: error.keyword, stands: null });
  switch (error.keyword) {
    case 'additionalProperties': {
      const unknown = String(params.additionalProperty);
      const known = Object.keys((parent.properties as Record<string, unknown> | undefined) ?? {});
      return {
        keys: [...keys, unknown],
        message: unknownKey(unknown, known, schema),
        about: 'key',
        keyword: error.keyword,
        stands: nearest(unknown, known),
      };
    }
    case 'required': {
      const missing = String(params.missingProperty);
      const about = ((parent.properties as Record<string, Record<string, unknown>> | undefined)?.[missing]?.description ?? '') as string;
      return {
        keys,
        message: `"${missing}" is missing; add it${about === '' ? '' : `: ${about}`}`,
        about: 'value',
        keyword: error.keyword,
        stands: missing,
      };
    }
    case 'type':
      return value(wrongType(error.data, shown, typeWords(params.type, parent)));
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      const near = typeof error.data === 'string' ? nearest(error.data, allowed) : null;
      return value(`${shown} is not one of ${allowed.join(', ')}${near === null ? '; use one of these' : `; did you mean "${near}"?`}`);
    }
    case 'const':
      return value(`${shown} is not what is known here; the only value is ${show(params.allowedValue)}`);
    case 'pattern':
      return value(
        `${shown} ${typeof parent.known === 'string' ? parent.known : `does not fit the pattern ${String(params.pattern)}; change it so that it does`}`,
      );
    case 'minLength':
      return value('is an empty text; write something or remove the key');
    case 'maxLength':
      return value(`is too long; the most is ${String(params.limit)} characters`);
    case 'minItems':
      return value(`has too few entries; name at least ${String(params.limit)}`);
    case 'maxItems':
      return value(`has too many entries; the most is ${String(params.limit)}`);
    case 'uniqueItems':
      return value(`names the same thing twice (entries ${String(params.j)} and ${String(params.i)}, counted from 0); remove one`);
    case 'minimum':
      return value(`${shown} is too small; the least is ${String(params.limit)}`);
    case 'maximum':
      return value(`${shown} is too large; the most is ${String(params.limit)}`);
    case 'exclusiveMinimum':
      return value(`${shown} is too small; it must be more than ${String(params.limit)}`);
    case 'exclusiveMaximum':
      return value(`${shown} is too large; it must be less than ${String(params.limit)}`);
    case 'minProperties':
      return value(`has no keys; write at least ${String(params.limit)}`);
    case 'duration':
    case 'share':
    case 'rate':
      return value(`${shown} ${error.message ?? 'is wrong'}`);
    default:
      return value(`${shown} ${error.message ?? `breaks the rule ${error.keyword}`}`);
  }
}

/** `unknown key "x"` with the nearest known key, or where the key belongs when it is known elsewhere. */
function unknownKey(unknown: string, known: readonly string[], schema: JsonObject): string {
  const near = nearest(unknown, known);
  if (near !== null) return `unknown key "${unknown}"; did you mean "${near}"?`;
  const elsewhere = placesOf(unknown, schema);
  if (elsewhere.length > 0) return `unknown key "${unknown}" here; it belongs under ${elsewhere.join(' or ')}`;
  if (known.length === 0) return `unknown key "${unknown}"; no keys are known here, remove it`;
  return `unknown key "${unknown}"; the nearest known key is "${nearestOfAll(unknown, known) ?? ''}" (known: ${known.join(', ')})`;
}

/** Paths of the objects of this schema that know the key; `the top of the file` for its root. */
function placesOf(key: string, schema: unknown, path = ''): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, items } = schema as { properties?: Record<string, unknown>; items?: unknown };
  const found = properties && Object.hasOwn(properties, key) ? [path === '' ? 'the top of the file' : path] : [];
  const below = Object.entries(properties ?? {}).flatMap(([name, inner]) => placesOf(key, inner, path === '' ? name : `${path}.${name}`));
  return [...found, ...below, ...placesOf(key, items, `${path}[]`)].slice(0, 3);
}

function keysOf(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function show(data: unknown): string {
  if (typeof data === 'string') return JSON.stringify(data.length > 60 ? `${data.slice(0, 57)}...` : data);
  if (data === undefined || data === null) return 'nothing';
  if (Array.isArray(data)) return 'a list';
  return typeof data === 'object' ? 'a group of keys' : String(data);
}

function wrongType(data: unknown, shown: string, wanted: string): string {
  if (data === null) return `is empty; give it ${wanted} or remove the key`;
  if (Array.isArray(data)) return `is a list; it must be ${wanted}`;
  if (typeof data === 'object') return `is a group of keys; it must be ${wanted}`;
  const kind = { string: 'a text', number: 'a number', boolean: 'a truth value' }[typeof data as 'string' | 'number' | 'boolean'];
  return `${shown} is ${kind}; it must be ${wanted}${wanted === 'a text' ? ' (put quotes around it)' : ''}`;
}

function explainName(error: ErrorObject, name: string): Explained {
  const known = (error.parentSchema as { known?: unknown } | undefined)?.known;
  const message = `the key ${JSON.stringify(name)} ${typeof known === 'string' ? known : 'is not allowed here; rename it'}`;
  return { keys: [...keysOf(error.instancePath), name], message, about: 'key', keyword: error.keyword, stands: null };
}

function typeWords(type: unknown, parent: Record<string, unknown>): string {
  if ('duration' in parent) return 'a length of time like 30s or 2m';
  if ('share' in parent) return 'a share like 20% or 0.2';
  if ('rate' in parent) return 'a rate like 20/s';
  const words: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    integer: 'a whole number',
    boolean: 'true or false',
    object: 'a group of keys ("key: value" lines, indented)',
    array: 'a list ("- " lines, or [a, b])',
    null: 'nothing',
  };
  const types = (Array.isArray(type) ? type : String(type).split(',')).filter((one) => one !== 'null');
  return types.map((one) => words[String(one)] ?? String(one)).join(' or ');
}
