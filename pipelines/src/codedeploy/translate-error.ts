import { type ErrorCode, HaldaneError } from '@haldane/core';

const codes: readonly (readonly [RegExp, ErrorCode])[] = [
  [/throttl|TooManyRequests|RequestLimitExceeded/i, 'throttled'],
  [
    /AccessDenied|NotAuthorized|Unauthorized|UnrecognizedClient|InvalidClientTokenId|InvalidSignature|SignatureDoesNotMatch|ExpiredToken|Credentials/i,
    'denied',
  ],
  [/DoesNotExist/, 'not-found'],
];

/** Runs one call of the SDK. What it throws is ours, and names the call, but for the caller's own abort. */
export async function asking<T>(call: string, signal: AbortSignal, made: Promise<T>): Promise<T> {
  try {
    return await made;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const { name = 'error', message = '' } = error as { name?: string; message?: string };
    const code = codes.find(([pattern]) => pattern.test(name))?.[1] ?? 'unavailable';
    throw new HaldaneError(code, `AWS codedeploy ${call}: ${name}: ${message}`, { cause: error });
  }
}
