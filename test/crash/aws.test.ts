import { type ErrorCode, HaldaneError } from '@haldane/core';
import type { AwsCalls } from '@haldane/platforms';
import { lookAt, memoryStand } from '@haldane/platforms/aws-testing';
import { Fuse, VirtualClock } from '@haldane/testkit';
import { test } from 'tap';
import { eachKind, goThrough, namesResources, putBack, setScene, somebodyElse, wrongs } from '../testing/aws-life.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';

/* Every moment, and of every call and way to fail a third (LANE=full: all of them), in an account in memory. The same in moto's, by a sample, is in test/lanes/aws-moto.test.ts. */

async function newScene(bySideDoor = false) {
  const clock = new VirtualClock();
  return { clock, scene: await setScene(await memoryStand('w'), clock, bySideDoor) };
}

/** What the account looks like when only somebody else was there. */
async function edited(): Promise<unknown> {
  const stand = await memoryStand('w');
  await somebodyElse(stand);
  return lookAt(stand);
}

for (const bySideDoor of [false, true])
  test(`killed at any step, whatever somebody else did meanwhile, a run is put back from the journal and theirs is kept${bySideDoor ? ', also what users come by through routers' : ''}`, async (t) => {
    const visited = await edited();
    const bad: unknown[] = [];
    let steps = 0;
    let kept = 0;
    for (let alive = false; !alive; steps += 1) {
      for (const visit of [false, true]) {
        const { clock, scene } = await newScene(bySideDoor);
        const fuse = new Fuse(steps);
        const ended = await clock.until(
          goThrough(scene, scene.stand.calls, fuse).then(
            () => 'went through',
            (error: Error) => error.message,
          ),
        );
        alive = !fuse.dead;
        if (visit) await somebodyElse(scene.stand);
        const restored = await clock.until(putBack(scene, scene.stand.calls, 20_000));
        if (restored.superseded.some((word) => word.startsWith('slice:'))) kept += 1;
        const wrong = await wrongs(scene, visit ? visited : scene.before);
        if (!restored.clean || wrong.length > 0 || alive !== (ended === 'went through')) bad.push({ steps, visit, ended, restored, wrong });
      }
    }
    t.same(bad.slice(0, 2), [], `${bad.length} of ${2 * steps} lives were not put back`);
    t.ok(steps > 60, `${steps} steps`);
    t.ok(kept > 0, `${kept} lives found the rule edited by somebody else, kept that and said so`);
  });

type Hindrance = { readonly name: string; readonly code: ErrorCode; readonly done: boolean; readonly forGood: boolean };

const hindrances: readonly Hindrance[] = [
  { name: 'throttled', code: 'throttled', done: false, forGood: false },
  { name: 'no answer, but done', code: 'unavailable', done: true, forGood: false },
  { name: 'denied', code: 'denied', done: false, forGood: false },
  { name: 'not found', code: 'gone', done: false, forGood: false },
  { name: 'conflict', code: 'conflict', done: false, forGood: false },
  { name: 'denied from now on', code: 'denied', done: false, forGood: true },
];

/** The calls, of which the one at `index` fails so, and with `forGood` every later one by the same name. */
function hindered(
  calls: AwsCalls,
  index: number,
  { code, done, forGood }: Hindrance,
): { readonly calls: AwsCalls; readonly met: () => string | null; readonly count: () => number } {
  let next = 0;
  let met: string | null = null;
  const watched = <T extends object>(service: T): T =>
    new Proxy(service, {
      get(target, name) {
        const call = Reflect.get(target, name) as (...given: unknown[]) => Promise<unknown>;
        return async (...given: unknown[]) => {
          const isIt = next++ === index;
          if (isIt) met = String(name);
          if (!isIt && !(forGood && met === name)) return call.apply(target, given);
          if (done) await call.apply(target, given);
          throw new HaldaneError(code, `AWS ${String(name)}: ${code}`);
        };
      },
    });
  return {
    calls: {
      balancing: watched(calls.balancing),
      groups: watched(calls.groups),
      templates: watched(calls.templates),
      twins: eachKind(calls.twins, watched),
    },
    met: () => met,
    count: () => next,
  };
}

test('whichever call fails, and however, a run ends restored, or stuck with the resource named, and never silently', async (t) => {
  const bad: unknown[] = [];
  let lives = 0;
  let stuck = 0;
  const whole = await newScene();
  const counting = hindered(whole.scene.stand.calls, -1, hindrances[0] as Hindrance);
  await whole.clock.until(goThrough(whole.scene, counting.calls));
  await whole.clock.until(putBack(whole.scene, counting.calls, 20_000));
  const all = counting.count();
  const full = process.env['LANE'] === 'full';
  for (const hindrance of hindrances) {
    const chosen = full
      ? Array.from({ length: all }, (_, index) => index)
      : draws(seedOfSamples(), hindrance.name, Math.ceil(all / 3), all);
    for (const index of chosen) {
      const { clock, scene } = await newScene();
      const { calls, met } = hindered(scene.stand.calls, index, hindrance);
      const went = await clock.until(
        goThrough(scene, calls).then(
          () => 'went through',
          (error: Error) => error.message,
        ),
      );
      const first = await clock.until(putBack(scene, calls, 20_000));
      lives += 1;
      const life = { hindrance: hindrance.name, index, call: met(), went, first };
      if (first.clean) {
        const wrong = await wrongs(scene, scene.before);
        if (wrong.length > 0) bad.push({ ...life, wrong });
        continue;
      }
      stuck += 1;
      if (!hindrance.forGood || first.stuck.length === 0 || !namesResources(first)) bad.push(life);
      // Somebody gives the right back: what was stuck is put back from the same journal.
      const second = await clock.until(putBack(scene, scene.stand.calls, 20_000));
      const wrong = await wrongs(scene, scene.before);
      if (!second.clean || wrong.length > 0) bad.push({ ...life, second, wrong });
    }
  }
  t.same(bad.slice(0, 2), [], `${bad.length} of ${lives} lives`);
  t.ok(lives > 300, `${lives} lives, seed ${seedOfSamples()}`);
  t.ok(stuck > 10, `${stuck} of them were stuck until the right was given back, and named what`);
});
