/** Resolves `waited` after `ms`, or `changed` as soon as the signal aborts. */
export function held(ms: number, changed: AbortSignal): Promise<'waited' | 'changed'> {
  return new Promise((resolve) => {
    if (changed.aborted) return resolve('changed');
    const end = (how: 'waited' | 'changed') => () => {
      clearTimeout(timer);
      changed.removeEventListener('abort', onChange);
      resolve(how);
    };
    const onChange = end('changed');
    const timer = setTimeout(end('waited'), Math.min(ms, 2 ** 31 - 1));
    changed.addEventListener('abort', onChange, { once: true });
  });
}

/** Resolves when the signal aborts. */
export function released(changed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (changed.aborted) return resolve();
    changed.addEventListener('abort', () => resolve(), { once: true });
  });
}
