import { setTimeout as wait } from 'node:timers/promises';
import { test } from 'tap';
import { Deadlines } from './deadlines.ts';

test('who is not done after its limit hears of it once and never early, and who is done hears nothing', async (t) => {
  const deadlines = new Deadlines();
  const limitMs = 40;
  const heard: number[] = [];
  const began: number[] = [];
  for (let i = 0; i < 30; i += 1) {
    began[i] = performance.now();
    deadlines.wait(limitMs, { late: () => (heard[i] = (heard[i] ?? 0) + performance.now() - (began[i] ?? 0)) });
    const done = deadlines.wait(limitMs, { late: () => t.fail('it was done in time') });
    done.leave();
    done.leave();
    await wait(1);
  }
  for (let tries = 0; heard.filter((ms) => ms > 0).length < 30 && tries < 1000; tries += 1) await wait(10);
  t.equal(heard.length, 30);
  t.ok(
    heard.every((ms) => ms >= limitMs),
    `never early: ${Math.min(...heard)} ms`,
  );
});
