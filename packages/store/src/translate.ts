import { HaldaneError, messageOf } from '@haldane/core';

/** SQLSTATE classes that mean that the server is away or going away, not that the statement is wrong. */
const away = /^(08|53|57P0)/;
const awayErrno = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EACCES', 'EAI_AGAIN']);

/** Whether the database did not answer, as opposed to having answered with an error. */
export function isAway(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && (away.test(code) || awayErrno.has(code) || code === 'unavailable')) return true;
  return /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error/i.test(messageOf(error));
}

/** Whether the server itself refused a statement, and so has done nothing of it: by its own five characters, and none that mean that it is going away. */
export function isRefused(error: unknown): boolean {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: { sqlstate?: unknown } | null };
  const state = details?.sqlstate ?? code;
  return typeof state === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(state) && !away.test(state);
}

/** The constraint or index that refused a row, or null when the error is another one. */
export function brokenConstraint(error: unknown): string | null {
  const { code, constraint } = (error ?? {}) as { code?: unknown; constraint?: unknown };
  return code === '23505' && typeof constraint === 'string' ? constraint : null;
}

/** Whether a new run was refused because everything is halted: the trigger's own SQLSTATE. */
export function isHalted(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'HD001';
}

/**
 * Runs a piece of work on the database and lets only our own errors out. What PostgreSQL says beside its message (detail,
 * context) can hold values of rows, so only the message and the code go on.
 */
export async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && error.name === 'HaldaneError') throw error;
    if (isAway(error)) throw new HaldaneError('unavailable', `the database did not answer while ${what}: ${messageOf(error)}`);
    const state = (error as { code?: unknown } | null)?.code;
    throw new HaldaneError('internal', `the database refused while ${what}: ${messageOf(error)}`, {
      details: typeof state === 'string' ? { sqlstate: state } : null,
    });
  }
}
