import { HaldaneError } from '@haldane/core';

/** The part of JSON Schema that what is sent to a router needs; any validator of JSON Schema reads it alike. */
export type Schema =
  | {
      readonly type: 'string';
      readonly pattern?: string;
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly enum?: readonly string[];
    }
  | { readonly type: 'number' | 'integer'; readonly minimum?: number; readonly maximum?: number; readonly nullable?: boolean }
  | { readonly type: 'boolean' }
  | { readonly type: 'array'; readonly items: Schema; readonly minItems?: number; readonly maxItems?: number }
  | {
      readonly type: 'object';
      readonly properties: Readonly<Record<string, Schema>>;
      readonly required: readonly string[];
      readonly additionalProperties: false;
    };

/**
 * The value, once it is known to conform. Throws `bad-request` naming the first field that does not and what it must be.
 * The message never repeats a string's value: it may be a secret.
 */
export function conform<T>(schema: Schema, value: unknown, name: string): T {
  const problem = problemOf(schema, value, name);
  if (problem) throw new HaldaneError('bad-request', problem);
  return value as T;
}

function problemOf(schema: Schema, value: unknown, at: string): string | null {
  switch (schema.type) {
    case 'string':
      return problemOfString(schema, value, at);
    case 'number':
    case 'integer':
      return problemOfNumber(schema, value, at);
    case 'boolean':
      return typeof value === 'boolean' ? null : `${at} must be true or false`;
    case 'array':
      if (!Array.isArray(value)) return `${at} must be a list`;
      if (value.length < (schema.minItems ?? 0)) return `${at} must hold at least ${schema.minItems}`;
      if (value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) return `${at} must hold at most ${schema.maxItems}`;
      return first(value.map((item, i) => problemOf(schema.items, item, `${at}[${i}]`)));
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return `${at} must be an object`;
      const missing = schema.required.find((key) => !Object.hasOwn(value, key));
      if (missing) return `${at}.${missing} is missing`;
      return first(
        Object.entries(value).map(([key, inner]) => {
          const known = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
          return known
            ? problemOf(known, inner, `${at}.${key}`)
            : `${at}.${key} is not known; known: ${Object.keys(schema.properties).join(', ')}`;
        }),
      );
    }
  }
}

function problemOfNumber(schema: Extract<Schema, { type: 'number' | 'integer' }>, value: unknown, at: string): string | null {
  if (value === null && schema.nullable) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) return `${at} must be a number`;
  if (schema.type === 'integer' && !Number.isSafeInteger(value)) return `${at} is ${value}; it must be a whole number`;
  if (schema.minimum !== undefined && value < schema.minimum) return `${at} is ${value}; it must be at least ${schema.minimum}`;
  if (schema.maximum !== undefined && value > schema.maximum) return `${at} is ${value}; it must be at most ${schema.maximum}`;
  return null;
}

function problemOfString(schema: Extract<Schema, { type: 'string' }>, value: unknown, at: string): string | null {
  if (typeof value !== 'string') return `${at} must be a string`;
  if (schema.enum && !schema.enum.includes(value)) return `${at} must be one of ${schema.enum.join(', ')}`;
  if (value.length < (schema.minLength ?? 0)) return `${at} must not be empty`;
  if (value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) return `${at} must have at most ${schema.maxLength} characters`;
  if (schema.pattern && !new RegExp(schema.pattern, 'u').test(value)) return `${at} must match ${schema.pattern}`;
  return null;
}

function first(problems: readonly (string | null)[]): string | null {
  return problems.find((problem) => problem !== null) ?? null;
}
