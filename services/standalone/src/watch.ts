/** Something done again and again until it is stopped; never twice at once. */
export type Watch = { stop(): Promise<void> };

/** Does `work` every `everyMs`. What fails is told and tried again. */
export function watch(everyMs: number, onTrouble: (what: string, error: unknown) => void, work: () => Promise<void>): Watch {
  let busy: Promise<void> | null = null;
  const timer = setInterval(() => {
    busy ??= work()
      .catch((error: unknown) => onTrouble('watching over services and router', error))
      .finally(() => {
        busy = null;
      });
  }, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await busy;
    },
  };
}
