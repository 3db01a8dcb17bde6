/** One thing wrong in a document: where, what is wrong with this value, and how to fix it. */
export type Problem = {
  /** `dependencies[0].as`; empty for the document as a whole. */
  readonly path: string;
  /** What is wrong with this value; how to fix it. Never holds a value that is secret or came from the environment. */
  readonly message: string;
  /** From 1; null when the value did not come from a text. */
  readonly line: number | null;
  readonly column: number | null;
};

/** A path as people write it: `dependencies[0].as`. Keys that are no plain words are quoted. */
export function pathOf(keys: readonly (string | number)[]): string {
  let path = '';
  for (const key of keys) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(key)) path += path === '' ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}

/** The problem as one line: `line 3:5, dependencies[0].as: ...`. */
export function sayProblem(problem: Problem): string {
  const where = [problem.line === null ? '' : `line ${problem.line}:${problem.column ?? 1}`, problem.path]
    .filter((part) => part !== '')
    .join(', ');
  return where === '' ? problem.message : `${where}: ${problem.message}`;
}
