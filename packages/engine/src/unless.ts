/**
 * What the work comes to, unless the signal aborts before: then it rejects at once with the signal's reason, whether the work heeds it or not.
 * Leaves nothing with the signal, which may live for hours while this is asked ten times a second; a race with one promise, and a signal made
 * of lasting ones, would be remembered by those each time.
 */
export function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    const over = () => signal.removeEventListener('abort', onAbort);
    work.then(
      (value) => {
        over();
        resolve(value);
      },
      (error: unknown) => {
        over();
        reject(error as Error);
      },
    );
  });
}
