import { hasCode } from '@haldane/core';

/** What is not there reads as null. */
export async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!hasCode(error, 'gone')) throw error;
    return null;
  }
}
