import type { Json } from './json.ts';

/**
 * Every error that Haldane raises on purpose. One table, so that the page of errors is generated from it.
 * `fault` says whose it is: the user's (bad input: fix the file), ours, or the outside's (try again or look there).
 */
export const errorCodes = {
  'bad-document': { fault: 'user', means: 'A file could not be read as what it should be; the problems name field, value and fix.' },
  'bad-request': { fault: 'user', means: 'A call to the API was not understood.' },
  'unknown-id': { fault: 'user', means: 'A name that nothing is registered under; the message lists the known ones.' },
  refused: {
    fault: 'user',
    means: 'The plan refused the run before it touched anything: a policy, an opt-in, a cap or a missing capability.',
  },
  'not-found': { fault: 'user', means: 'There is nothing by that name.' },
  unauthorised: { fault: 'user', means: 'No token, or one that is not valid here.' },
  forbidden: {
    fault: 'user',
    means:
      'You are known, but may not do this here: it needs another role, the role in another team, or a token that is not narrowed so far.',
  },
  halted: { fault: 'user', means: 'Haldane is halted: no run begins until the halt is lifted.' },
  'service-taken': { fault: 'user', means: 'Another run holds this service and environment; one at a time.' },
  'stack-running': { fault: 'user', means: 'Another Haldane owns this data folder and is alive.' },
  'lease-lost': { fault: 'ours', means: "The run's lease ended or was taken by another runner; nothing more may be changed." },
  conflict: { fault: 'ours', means: 'Somebody else moved the run first (compare-and-set).' },
  'illegal-move': { fault: 'ours', means: 'The state machine has no such transition.' },
  'schema-newer': { fault: 'user', means: 'The database was migrated by a newer Haldane; update this one.' },
  'migration-changed': { fault: 'ours', means: 'A migration that was applied is not the file that is here now.' },
  gone: { fault: 'outside', means: 'The thing is not there any more.' },
  denied: { fault: 'outside', means: 'The outside refused us.' },
  throttled: { fault: 'outside', means: 'The outside asked us to slow down.' },
  unavailable: { fault: 'outside', means: 'The outside did not answer, or not in time.' },
  'not-healthy': { fault: 'outside', means: 'Instances did not become healthy in time; their output is in the message.' },
  'not-restored': { fault: 'ours', means: 'Something could not be put back; the run is stuck and names it.' },
  internal: { fault: 'ours', means: 'A bug in Haldane.' },
} as const satisfies Record<string, { fault: 'user' | 'ours' | 'outside'; means: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** What Haldane throws. Compare `code`, never `instanceof`: two copies of this class can meet. */
export class HaldaneError extends Error {
  readonly code: ErrorCode;
  /** Data beside the message, for problem details and logs. Never a secret. */
  readonly details: Json;
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Json } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HaldaneError';
    this.code = code;
    this.details = options.details ?? null;
  }
}

/** True when `error` is ours and carries this code. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === code;
}

/** The words of an error, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
