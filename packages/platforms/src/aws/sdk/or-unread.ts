import { messageOf } from '@haldane/core';
import type { Unread } from '../aws-calls.ts';

/** What cannot be read is one that may be a run's, and hides no other; only the caller's own abort is thrown. */
export async function orUnread<T>(name: string, signal: AbortSignal, read: () => Promise<T>): Promise<T | Unread> {
  try {
    return await read();
  } catch (error) {
    if (signal.aborted) throw error;
    return { name, why: messageOf(error) };
  }
}
