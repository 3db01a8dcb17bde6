import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'tap';
import { Together } from './together.ts';

test('whoever gives up hears so at once, and what was still waiting for a slow question is never asked', async (t) => {
  const asked: number[][] = [];
  let answer = () => {};
  const together = new Together<number, number>({
    most: 2,
    ask: async (all) => {
      asked.push([...all]);
      if (all.includes(1))
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
      return all;
    },
  });
  const first = together.ask(1);
  while (asked.length === 0) await turn();
  const given = new AbortController();
  const rest = [together.ask(2, given.signal), together.ask(3), together.ask(4)];
  given.abort(new Error('too late'));
  await t.rejects(rest[0] as Promise<number>, /too late/);
  await t.rejects(together.ask(5, given.signal), /too late/);
  answer();
  t.same(await Promise.all([first, rest[1], rest[2]]), [1, 3, 4]);
  t.same(asked, [[1], [3, 4]], "and it takes nobody's place");
});

const failing = (code: string) => Object.assign(new Error(code), { code });

test('what the server refused is asked again one by one; where nobody knows what it did, nothing is asked twice', async (t) => {
  for (const [code, again] of [
    ['22P05', true],
    ['40P01', true],
    ['57P01', false],
    ['08006', false],
    ['EPIPE', false],
    ['EHOSTUNREACH', false],
  ] as const) {
    const asked: number[][] = [];
    const together = new Together<number, number>({
      most: 10,
      ask: async (all) => {
        asked.push([...all]);
        if (all.includes(2)) throw failing(code);
        return all;
      },
    });
    const came = await Promise.allSettled([1, 2, 3].map((one) => together.ask(one)));
    t.same(asked, again ? [[1, 2, 3], [1], [2], [3]] : [[1, 2, 3]], code);
    t.same(
      came.map(({ status }) => status),
      again ? ['fulfilled', 'rejected', 'fulfilled'] : ['rejected', 'rejected', 'rejected'],
    );
  }
});
