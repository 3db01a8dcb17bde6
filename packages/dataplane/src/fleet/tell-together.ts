/** What a source of several said, and which one it was. */
export type Told<T> = { readonly from: number; readonly said: T };

/**
 * Several sources as one, each thing as soon as it is said. Ends when all have ended; throws what the first to fail threw. Whoever leaves
 * early or fails ends the others: each is begun with a signal for that.
 */
export async function* tellTogether<T>(
  sources: readonly ((signal: AbortSignal) => AsyncIterable<T>)[],
  signal: AbortSignal,
): AsyncGenerator<Told<T>> {
  const ending = new AbortController();
  const heard: Told<T>[] = [];
  let failure: { readonly error: unknown } | null = null;
  let telling = sources.length;
  let wake: () => void = () => undefined;
  const listen = async (source: (signal: AbortSignal) => AsyncIterable<T>, from: number) => {
    try {
      for await (const said of source(AbortSignal.any([signal, ending.signal]))) {
        heard.push({ from, said });
        wake();
      }
    } catch (error) {
      failure ??= { error };
    } finally {
      telling -= 1;
      wake();
    }
  };
  const listening = sources.map(listen);
  try {
    for (;;) {
      const news = new Promise<void>((resolve) => {
        wake = resolve;
      });
      yield* heard.splice(0);
      if (failure !== null) throw (failure as { readonly error: unknown }).error;
      if (heard.length > 0) continue;
      if (telling === 0) return;
      await news;
    }
  } finally {
    ending.abort();
    await Promise.all(listening);
  }
}
