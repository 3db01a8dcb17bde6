/** Two clocks: the wall's, which people may set, and one that only ever runs forward. Milliseconds. */
export type RouterTime = { now(): number; monotonic(): number };

export const systemTime: RouterTime = { now: () => Date.now(), monotonic: () => performance.now() };
