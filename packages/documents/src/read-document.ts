import { HaldaneError, type JsonObject } from '@haldane/core';
import { explain, type Finding } from './explain.ts';
import type { EnvironmentMap } from './interpolate.ts';
import { type ParsedText, parseText } from './parsed-text.ts';
import { type Problem, sayProblem } from './problem.ts';
import { checkSchema } from './schema-checker.ts';

export type ReadOptions<T> = {
  readonly text: string;
  /** What the document is called in messages: its path. */
  readonly source: string;
  /** What it should be, for the message: "experiment", "manifest". */
  readonly what?: string;
  /** The schema, or how to make it from the raw value (a part may depend on another). */
  readonly schema: JsonObject | ((raw: unknown) => JsonObject);
  /** What `${NAME}` may name. */
  readonly env?: EnvironmentMap;
  /** What no schema can say: asked only about a value that fits the schema, since rules between fields need good fields. */
  readonly check?: (value: T) => readonly Finding[];
};

/**
 * The value of a YAML document with `${NAME}` replaced and every default written in; durations are seconds, shares 0..1.
 * Throws `bad-document` with every problem, each with its path, line and column, what is wrong and how to fix it;
 * `details` holds them as data. No message shows a secret or a value that came from the environment.
 */
export function readDocument<T>(options: ReadOptions<T>): T {
  const { text, source, check } = options;
  const parsed = parseText(text, options.env ?? {});
  if (parsed.problems.length > 0) throw badDocument(options, parsed.problems);
  if (parsed.value === null || parsed.value === undefined)
    throw badDocument(options, [
      { path: '', message: `the file is empty; write ${article(options.what ?? 'document')}`, line: null, column: null },
    ]);
  const schema = typeof options.schema === 'function' ? options.schema(parsed.value) : options.schema;
  const { value, findings } = checkParsed(parsed, schema);
  const found = findings.length > 0 ? findings : (check?.(value as T) ?? []);
  if (found.length > 0) throw badDocument({ ...options, source }, found.map(parsed.place));
  return value as T;
}

/** The error for problems that were found elsewhere, worded as `readDocument` words them. */
export function badDocument(about: { readonly source: string; readonly what?: string }, problems: readonly Problem[]): HaldaneError {
  const sorted = [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  const count = sorted.length === 1 ? 'one problem' : `${sorted.length} problems`;
  return new HaldaneError(
    'bad-document',
    [`${about.source} is not a good ${about.what ?? 'document'}: ${count}`, ...sorted.map((problem) => `  ${sayProblem(problem)}`)].join(
      '\n',
    ),
    {
      details: { source: about.source, problems: sorted.map((problem) => ({ ...problem })) },
    },
  );
}

function article(what: string): string {
  return /^[aeiou]/.test(what) ? `an ${what}` : `a ${what}`;
}

/**
 * Checks twice where YAML guessed a type that the schema does not want: a variable's text that is a number where a number
 * is wanted, and a plain value that is wanted as it was written (`1.10` in an environment is not 1.1).
 */
function checkParsed(parsed: ParsedText, schema: JsonObject): { value: unknown; findings: readonly Finding[] } {
  const first = structuredClone(parsed.value);
  const errors = checkSchema(schema, first);
  const retyped = structuredClone(parsed.value);
  let changed = false;
  for (const error of errors) {
    if (error.keyword !== 'type') continue;
    const keys = error.instancePath
      .split('/')
      .slice(1)
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const path = keys.map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    const wanted = String((error.params as { type: unknown }).type);
    const asWritten = (error.parentSchema as Record<string, unknown> | undefined)?.asWritten === true;
    if (asWritten && (typeof error.data === 'number' || typeof error.data === 'boolean'))
      changed = put(retyped, keys, parsed.written(path)) || changed;
    else if (typeof error.data === 'string' && parsed.interpolated(path))
      changed = put(retyped, keys, retype(error.data, wanted)) || changed;
  }
  if (!changed) return { value: first, findings: explain(errors, schema, parsed.interpolated) };
  return { value: retyped, findings: explain(checkSchema(schema, retyped), schema, parsed.interpolated) };
}

function retype(text: string, wanted: string): unknown {
  if (/integer|number/.test(wanted) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (/boolean/.test(wanted) && /^(true|false)$/.test(text)) return text === 'true';
  return undefined;
}

function put(root: unknown, keys: readonly string[], value: unknown): boolean {
  if (value === undefined || value === null) return false;
  let at = root as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[keys.at(-1) ?? ''] = value;
  return true;
}
