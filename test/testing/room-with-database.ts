import { startTestDatabase } from '@haldane/store/testing';
import { after } from 'tap';
import { openRoom } from './room.ts';

/** A room with Haldane's tables in a database of its own. Both end with the tests of the file. */
export async function roomWithDatabase() {
  const room = await openRoom();
  after(() => room.leave());
  const database = await startTestDatabase();
  room.onLeave(() => database.stop());
  const copy = await database.copy();
  room.onLeave(() => copy.close());
  return { room, copy };
}
