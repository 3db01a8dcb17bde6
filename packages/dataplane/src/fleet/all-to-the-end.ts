/** All of them, to the end, whatever becomes of the others; then the first failure, if there was one: none goes on behind our back. */
export async function allToTheEnd<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const failed = results.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}
