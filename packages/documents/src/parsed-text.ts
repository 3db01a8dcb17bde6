// biome-ignore-all lint/suspicious/noTemplateCurlyInString: documents write variables like this
import { type Alias, type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml';
import type { Finding } from './explain.ts';
import { type EnvironmentMap, interpolate } from './interpolate.ts';
import { type Problem, pathOf } from './problem.ts';

type Keys = readonly (string | number)[];

/** A YAML text that was parsed: its value, its problems, and where each value stands. */
export type ParsedText = {
  /** The plain value with `${...}` replaced; undefined when the text is no YAML at all. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Whether a value, or one above it, was made from a variable: it is never shown. */
  interpolated(keys: Keys): boolean;
  /** The text of a plain value as it was written; null when there is no plain value. */
  written(keys: Keys): string | null;
  place(finding: Finding): Problem;
};

const syntax: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab is used to indent; YAML allows only spaces, replace it',
  DUPLICATE_KEY: 'this key is written twice in the same group; remove one of them',
  MULTIPLE_DOCS: 'a second document begins here ("---"); write one document a file',
  BAD_ALIAS: 'the alias (*name) has no anchor (&name) before it; add the anchor or write the value out',
  MISSING_CHAR: 'a closing quote, bracket, comma or colon is missing here or on the line before; add it',
  BLOCK_AS_IMPLICIT_KEY: 'two "key: value" pairs on one line; put them on lines of their own, or quotes around the value',
  MULTILINE_IMPLICIT_KEY: 'a key spans several lines; perhaps the ":" after it, or a quote, is missing',
  BAD_INDENT: 'the indentation does not fit the lines around it; line it up',
  UNEXPECTED_TOKEN: 'something stands here that YAML does not expect; put quotes around values with special characters',
  BAD_SCALAR_START: 'a value cannot begin with this character; put quotes around it',
  BAD_DQ_ESCAPE: 'an escape (\\) that YAML does not know; double the backslash, or use single quotes',
  KEY_OVER_1024_CHARS: 'a key is too long; perhaps a quote is missing',
  TAG_RESOLVE_FAILED: 'a tag (!name) that is not known; remove it',
  BAD_DIRECTIVE: 'a "%" at the start of a line is a YAML directive; put quotes around the value',
};

/** Parses YAML. Syntax problems are told in words of our own: nothing of the text is repeated in them. */
export function parseText(text: string, env: EnvironmentMap): ParsedText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const syntaxProblems = syntaxProblemsOf(document, text, lines);
  if (document.errors.length > 0)
    return {
      value: undefined,
      problems: syntaxProblems,
      interpolated: () => false,
      written: () => null,
      place: ({ keys, message }) => ({ path: pathOf(keys), message, line: null, column: null }),
    };

  const touched = new Set<unknown>();
  const unresolved: { readonly node: Scalar | Alias; readonly message: string }[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      const done = interpolate(node.value, env);
      node.value = done.text;
      if (done.replaced) touched.add(node);
      for (const wrong of done.wrong) unresolved.push({ node, message: wrong });
    },
    Alias(_key, node) {
      if (!node.resolve(document))
        unresolved.push({
          node,
          message:
            'names an anchor (&name) that does not stand before it; add the anchor, write the value out, or put quotes around a text that begins with *',
        });
    },
  });
  const problems = [
    ...syntaxProblems,
    ...unresolved.map(({ node, message }) => ({
      path: pathOf(pathTo(document.contents, node) ?? []),
      message,
      ...spot(lines, node.range?.[0] ?? 0),
    })),
  ];
  const place = (finding: Finding): Problem => ({
    path: pathOf(finding.keys),
    message: finding.message,
    ...spot(lines, offsetOf(document, finding)),
  });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 });
  } catch {
    if (problems.length === 0)
      problems.push({ path: '', message: 'has too many aliases (*name); write the values out', line: null, column: null });
  }
  return {
    value,
    problems,
    interpolated: (keys) => keys.some((_, depth) => touched.has(nodeAt(document, keys.slice(0, depth + 1)))),
    written: (keys) => {
      const node = nodeAt(document, keys);
      return isScalar(node) ? ((node as Scalar).source ?? String(node.value)) : null;
    },
    place,
  };
}

/** The first thing that is no YAML (what follows it is mostly its echo), and every key that is written twice. */
function syntaxProblemsOf(document: Document.Parsed, text: string, lines: LineCounter): Problem[] {
  const all = [...document.errors, ...document.warnings];
  const first = all.find((error) => error.code !== 'DUPLICATE_KEY');
  const told = all.filter((error) => error === first || error.code === 'DUPLICATE_KEY');
  return told.map((error) => {
    const at = spot(lines, error.pos[0]);
    const variable =
      /\$\{/.test(text.split('\n')[at.line - 1] ?? '') && error.code !== 'DUPLICATE_KEY'
        ? '; inside { } and [ ] a ${NAME} needs quotes around it'
        : '';
    return { path: '', message: `not valid YAML: ${syntax[error.code] ?? 'this cannot be read'}${variable}`, ...at };
  });
}

function spot(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function nodeAt(document: Document, keys: Keys): Node | null {
  return keys.length === 0 ? (document.contents as Node | null) : ((document.getIn(keys, true) as Node | undefined) ?? null);
}

/** Where a finding stands: its key when it is about the key, else its value, else the nearest thing above it. */
function offsetOf(document: Document, finding: Finding): number {
  const parent = nodeAt(document, finding.keys.slice(0, -1));
  const last = finding.keys.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === String(last));
    const key = pair?.key as Node | undefined;
    const value = pair?.value as Node | null | undefined;
    if (finding.about === 'key' && key?.range) return key.range[0];
    if (value?.range && isScalar(value) && value.range[0] !== value.range[1]) return value.range[0];
    if (key?.range) return key.range[0];
  }
  for (let depth = finding.keys.length; depth >= 0; depth--) {
    const node = nodeAt(document, finding.keys.slice(0, depth));
    if (node?.range) return node.range[0];
  }
  return 0;
}

/** The keys that lead to a node, or null when it is not below `from`. */
function pathTo(from: unknown, node: unknown): readonly (string | number)[] | null {
  if (from === node) return [];
  if (isMap(from)) {
    for (const item of from.items) {
      const below = pathTo(item.value, node);
      if (below) return [String(isScalar(item.key) ? item.key.value : item.key), ...below];
    }
  }
  if (isSeq(from)) {
    for (const [index, item] of from.items.entries()) {
      const below = pathTo(item, node);
      if (below) return [index, ...below];
    }
  }
  return null;
}
