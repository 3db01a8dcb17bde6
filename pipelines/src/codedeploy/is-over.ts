const over = new Set(['Succeeded', 'Failed', 'Stopped']);

/** Whether a deployment's status says that it is over. One that is not known says that it is not. */
export function isOver(status: string): boolean {
  return over.has(status);
}
