/** What is known of a piece of work. `error`: why it went wrong, though nothing was thrown. */
export type TraceFacts = Readonly<Record<string, string | number | boolean>>;

/**
 * Does a piece of work where somebody may watch: what it is, how long it took, and with what error it ended. What begins within it is a part
 * of it. `note` adds what is known of it only later. What the work returns or throws is passed on as it is, watched or not.
 */
export type Trace = <T>(name: string, facts: TraceFacts, work: (note: (facts: TraceFacts) => void) => Promise<T>) => Promise<T>;

/** Nobody watches. */
export const untraced: Trace = (_name, _facts, work) => work(() => undefined);
