import { test } from 'tap';
import { Together } from './together.ts';

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
