import { test } from 'tap';
import { addTally, classOfStatus, emptyTally } from './answer.ts';

test('an answer is classed by what a user would call it', async (t) => {
  const cases: [number, string | undefined, string][] = [
    [200, undefined, 'success'],
    [304, undefined, 'success'],
    [302, '/login?next=/', 'login-redirect'],
    [302, '/elsewhere', 'success'],
    [401, undefined, 'unauthorised'],
    [403, undefined, 'forbidden'],
    [429, undefined, 'throttled'],
    [404, undefined, 'client-error'],
    [503, undefined, 'server-error'],
  ];
  for (const [status, location, expected] of cases) t.equal(classOfStatus(status, location), expected, `${status} ${location ?? ''}`);
});

test('tallies add up class by class', async (t) => {
  const one = { requests: 1, failures: 1, classes: [0, 0, 0, 0, 0, 0, 1, 0] };
  t.same(addTally(addTally(emptyTally, one), one), { requests: 2, failures: 2, classes: [0, 0, 0, 0, 0, 0, 2, 0] });
});
