import { test } from 'tap';
import {
  answerClasses,
  cutTo,
  emptyProbeTally,
  emptyTally,
  HaldaneError,
  hasCode,
  messageOf,
  phases,
  Registry,
  stopReasons,
  systemClock,
} from './index.ts';

test('an unknown id is an error that lists the known ones, and two things never share one', async (t) => {
  const room = new Registry('scenario', [{ id: 'b' }, { id: 'a' }]);
  t.same(room.get('a'), { id: 'a' });
  t.same(room.ids(), ['b', 'a'], 'in the order of the room');
  t.same(
    room.all().map(({ id }) => id),
    ['b', 'a'],
  );
  t.throws(() => room.get('c'), { code: 'unknown-id', message: 'there is no scenario "c"; known: b, a' });
  for (const name of ['constructor', '__proto__', '']) t.throws(() => room.get(name), { code: 'unknown-id' });
  t.throws(() => new Registry('scenario', [{ id: 'a' }, { id: 'a' }]), { code: 'internal' });
});

test('an error is known by its code, whichever copy of the class threw it', async (t) => {
  const cause = new Error('the socket was closed');
  const error = new HaldaneError('unavailable', 'nobody answers', { cause, details: { tries: 3 } });
  t.match(error, { name: 'HaldaneError', code: 'unavailable', message: 'nobody answers', cause, details: { tries: 3 } });
  t.ok(error instanceof Error);
  t.equal(new HaldaneError('gone', '').details, null);
  t.notOk('cause' in new HaldaneError('gone', ''), 'no cause is not an undefined one');
  t.equal(hasCode({ code: 'unavailable' }, 'unavailable'), true);
  for (const other of [error, null, undefined, 'gone', 7, {}]) t.equal(hasCode(other, 'gone'), false);
  t.equal(messageOf(error), 'nobody answers');
  t.equal(messageOf('words'), 'words');
  t.equal(messageOf(null), 'null');
});

test('a sleep ends as soon as it is told to, with the reason it was given, and leaves no timer and no listener', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const reason = new Error('no longer needed');
  const over = new AbortController();
  const asleep = systemClock.sleep(3_600_000, over.signal);
  over.abort(reason);
  await t.rejects(asleep, reason);
  await t.rejects(systemClock.sleep(0, over.signal), reason, 'and never begins when it is over already');
  await systemClock.sleep(1, new AbortController().signal);
  t.ok((systemClock.monotonic?.() ?? -1) >= 0);
  t.equal(timers(), before, 'an hour is not waited for');
});

test('what is empty fits what is counted', async (t) => {
  t.equal(emptyTally.classes.length, answerClasses.length);
  t.equal(emptyProbeTally.classes.length, answerClasses.length);
  for (const list of [answerClasses, phases, stopReasons]) t.equal(new Set<string>(list).size, list.length, 'no word twice');
});

test('a text is cut to its length, and no character in half', (t) => {
  t.equal(cutTo('abcd', 4), 'abcd');
  t.equal(cutTo('abcde', 4), 'abc…');
  t.equal(cutTo('ab😀cd', 4), 'ab…');
  t.equal(cutTo('ab😀cd', 5), 'ab😀…');
  t.end();
});
