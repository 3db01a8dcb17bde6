/** Everything of a call that answers in pages. */
export async function pages<T>(
  read: (marker: string | undefined) => Promise<{ readonly items: readonly T[] | undefined; readonly next: string | undefined }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let marker: string | undefined; ; ) {
    const { items, next } = await read(marker);
    all.push(...(items ?? []));
    if (next === undefined || next === '') return all;
    marker = next;
  }
}
