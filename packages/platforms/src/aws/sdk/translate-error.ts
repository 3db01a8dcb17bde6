import { type ErrorCode, HaldaneError } from '@haldane/core';

const codes: readonly (readonly [RegExp, ErrorCode])[] = [
  [/throttl|RequestLimitExceeded|TooManyRequests|SlowDown|OperationAborted|ConcurrentModification/i, 'throttled'],
  [/AccessDenied|Unauthorized|AuthFailure|InvalidClientTokenId|ExpiredToken|SignatureDoesNotMatch|UnrecognizedClient/i, 'denied'],
  [/NotFound|NoSuch/i, 'gone'],
  [
    /Duplicate|AlreadyExists|AlreadyOwnedByYou|NotEmpty|DeleteConflict|PriorityInUse|ResourceInUse|ResourceContention|ScalingActivityInProgress/i,
    'conflict',
  ],
];

/** An answer without a body, as S3 gives to some refusals, has no name but its status. */
const byStatus: Readonly<Record<number, ErrorCode>> = { 403: 'denied', 404: 'gone', 429: 'throttled', 503: 'throttled' };

/** AWS's error as ours, which names service and call. Auto Scaling has no word for `gone` but says "not found" in a ValidationError. */
export function translateError(service: string, call: string, error: unknown): HaldaneError {
  const { name = 'error', message = '', $metadata } = error as { name?: string; message?: string; $metadata?: { httpStatusCode?: number } };
  const word =
    codes.find(([pattern]) => pattern.test(name))?.[1] ??
    (name === 'ValidationError' && /not found/i.test(message) ? 'gone' : undefined) ??
    (name === 'Unknown' ? byStatus[$metadata?.httpStatusCode ?? 0] : undefined) ??
    'unavailable';
  const said = name === 'Unknown' ? `HTTP ${$metadata?.httpStatusCode ?? 'without a status'}` : `${name}: ${message}`;
  return new HaldaneError(word, `AWS ${service} ${call}: ${said}`, { cause: error, details: { service, call, error: name } });
}

/** Runs one call of an SDK client; what it throws is translated, but for the caller's own abort. */
export async function asking<T>(service: string, call: string, signal: AbortSignal, made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw translateError(service, call, error);
  }
}
