import type { JsonObject } from '@haldane/core';
import type { ErrorObject, SchemaValidateFunction, ValidateFunction } from 'ajv';
import { Ajv } from 'ajv';
import { type Quantity, readDuration, readRate, readShare } from './quantity.ts';

/** Bounds of a quantity keyword, both inclusive; `above` is exclusive. */
type Bounds = { readonly atLeast?: number; readonly atMost?: number; readonly above?: number };

type Named = { readonly keyword: string; readonly read: (written: unknown) => Quantity; readonly say: (value: number) => string };

const quantities: readonly Named[] = [
  { keyword: 'duration', read: readDuration, say: (value) => (value < 1 && value > 0 ? `${value * 1000}ms` : `${value}s`) },
  { keyword: 'share', read: readShare, say: (value) => `${Number((value * 100).toPrecision(6))}%` },
  { keyword: 'rate', read: readRate, say: (value) => `${value}/s` },
];

/** What is wrong with a value that can be read but lies outside its bounds. */
function outside(value: number, bounds: Bounds, say: (value: number) => string): string | null {
  if (bounds.above !== undefined && value <= bounds.above) return `is too small; it must be more than ${say(bounds.above)}`;
  if (bounds.atLeast !== undefined && value < bounds.atLeast) return `is too small; the least is ${say(bounds.atLeast)}`;
  if (bounds.atMost !== undefined && value > bounds.atMost) return `is too large; the most is ${say(bounds.atMost)}`;
  return null;
}

/** A keyword that reads a quantity as people write it and puts the number (seconds, 0..1, a second) in its place. */
function quantityKeyword({ keyword, read, say }: Named): { keyword: string; validate: SchemaValidateFunction } {
  const validate: SchemaValidateFunction = (
    bounds: Bounds,
    data: unknown,
    _schema?: unknown,
    context?: Parameters<SchemaValidateFunction>[3],
  ) => {
    const quantity = read(data);
    const wrong = 'wrong' in quantity ? quantity.wrong : outside(quantity.value, bounds, say);
    if (wrong !== null) {
      validate.errors = [{ keyword, message: wrong, params: {} }];
      return false;
    }
    if ('value' in quantity && context) context.parentData[context.parentDataProperty] = quantity.value;
    return true;
  };
  return { keyword, validate };
}

/**
 * Checks `value` against the schema, writes defaults and read quantities into it, and returns every error.
 * Beside JSON Schema: `duration`, `share` and `rate` (see quantity.ts), `asWritten` (a number or truth value that YAML
 * read here is taken as the text that was written), `writeOnly` (a secret: no message shows it) and `known` (what to say
 * when a pattern does not match).
 */
export function checkSchema(schema: JsonObject, value: unknown): readonly ErrorObject[] {
  const validate = compiled.get(schema) ?? compile(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}

/** Compiling a schema takes tens of milliseconds, and the same few are asked for again and again. */
const compiled = new WeakMap<JsonObject, ValidateFunction>();

function compile(schema: JsonObject): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, verbose: true, useDefaults: true, strict: true, allowUnionTypes: true, strictRequired: false });
  for (const named of quantities) ajv.addKeyword({ ...quantityKeyword(named), modifying: true });
  ajv.addKeyword({ keyword: 'asWritten' });
  ajv.addKeyword({ keyword: 'known' });
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}
