import type { JsonObject } from '@haldane/core';
import { explain } from './explain.ts';
import { type Problem, pathOf } from './problem.ts';
import { checkSchema } from './schema-checker.ts';

/**
 * A value that came from no text (an API call, a program) checked like a document: with defaults written in and quantities
 * read. `path` is where the value stands in the whole. The value passed in is left as it was.
 */
export function checkValue(
  schema: JsonObject,
  value: unknown,
  path: readonly (string | number)[] = [],
): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const copy: unknown = structuredClone(value);
  const findings = explain(checkSchema(schema, copy), schema);
  return {
    value: copy,
    problems: findings.map((finding) => ({ path: pathOf([...path, ...finding.keys]), message: finding.message, line: null, column: null })),
  };
}
