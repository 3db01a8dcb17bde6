import type { Problem } from '@haldane/client';
import { type ErrorCode, errorCodes } from '@haldane/core';

const statuses: Partial<Record<ErrorCode, number>> = {
  'bad-document': 422,
  'bad-request': 400,
  'unknown-id': 422,
  refused: 403,
  'not-found': 404,
  unauthorised: 401,
  forbidden: 403,
  halted: 409,
  'service-taken': 409,
  conflict: 409,
  throttled: 429,
  'not-healthy': 503,
  unavailable: 503,
};

/** An error as problem details (RFC 9457). What is not ours says nothing of itself to the caller. */
export function problemOf(error: unknown): Problem {
  const { code, message, statusCode, validation } = (error ?? {}) as {
    code?: string;
    message?: string;
    statusCode?: number;
    validation?: unknown;
  };
  if (validation !== undefined) return problem('bad-request', 400, String(message));
  if (isSaid(code)) return problem(code, statuses[code] ?? 500, String(message));
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return problem('bad-request', statusCode, String(message));
  return problem('internal', 500, 'something went wrong inside Haldane; its log says what');
}

/** Whether it is an error of ours whose words are for the caller. */
function isSaid(code: string | undefined): code is Exclude<ErrorCode, 'internal'> {
  return code !== undefined && code !== 'internal' && Object.hasOwn(errorCodes, code);
}

function problem(code: ErrorCode, status: number, detail: string): Problem {
  return { type: `urn:haldane:error:${code}`, title: errorCodes[code].means, status, detail, code };
}
