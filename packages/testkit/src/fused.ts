import type { Clock } from '@haldane/core';
import type { Fuse } from './fuse.ts';

/** `target` as the process with this fuse sees it: calls of `counted` methods are two steps each, others need only be alive. */
export function fused<T extends object>(target: T, fuse: Fuse, counted: readonly (keyof T & string)[]): T {
  const names: readonly string[] = counted;
  return new Proxy(target, {
    get(object, name, receiver) {
      const member: unknown = Reflect.get(object, name, receiver);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]): Promise<unknown> => {
        const call = () => (member as (...given: unknown[]) => unknown).apply(object, args);
        if (names.includes(String(name))) return fuse.around(String(name), call);
        fuse.alive();
        return call();
      };
    },
  });
}

/** The clock as the process sees it: whoever is asleep when it dies never wakes. */
export function fusedClock(clock: Clock, fuse: Fuse): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic?.() ?? clock.now(),
    sleep: async (ms, signal) => {
      await clock.sleep(ms, signal);
      if (fuse.dead) await new Promise<never>(() => {});
    },
  };
}
