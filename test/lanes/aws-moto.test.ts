import { systemClock } from '@haldane/core';
import { lookAt, sdkStand, startMoto } from '@haldane/platforms/aws-testing';
import { Fuse } from '@haldane/testkit';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { goThrough, namesResources, putBack, setScene, somebodyElse, wrongs } from '../testing/aws-life.ts';
import { hinderingProxy, type Refusal } from '../testing/hindering-proxy.ts';
import { draws, seedOfSamples } from '../testing/sample.ts';

/* Runs in an account that moto's server plays: the real SDK over real HTTP. What is exhaustive in memory (test/crash/aws.test.ts) is a sample here. */

const moto = process.env['LANE_MOTO'];
const full = process.env['LANE'] === 'full';

if (moto === undefined) {
  test(
    'whole lives of runs in an account of moto',
    { skip: 'LANE_MOTO names no moto_server; .ci/run installs one' },
    async () => undefined,
  );
} else {
  allowSeconds(full ? 7_200 : 600);
  const seed = seedOfSamples();
  const server = await startMoto(moto);
  after(() => server.stop());
  const proxy = await hinderingProxy(server.url);
  after(() => proxy.close());
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const connection = { region: 'eu-west-1', credentials };
  let stands = 0;
  const newScene = async () => {
    proxy.passOn();
    const stand = await sdkStand(`m${(stands++).toString(36)}x`, { ...connection, endpoint: proxy.url, tries: 1 });
    return setScene(stand, systemClock);
  };
  /** The account when only somebody else was there. */
  const visited = async () => {
    const { stand } = await newScene();
    await somebodyElse(stand);
    return lookAt(stand);
  };
  const deadlineMs = 2_000;
  const tried = (went: Promise<void>) =>
    went.then(
      () => 'went through',
      (error: Error) => error.message,
    );

  test('a run goes from the plan to the watch and back, and the account is what it was', async (t) => {
    const scene = await newScene();
    await goThrough(scene, scene.stand.calls);
    t.not(JSON.stringify(await lookAt(scene.stand)), JSON.stringify(scene.before), 'it was there');
    t.match(await putBack(scene, scene.stand.calls, 10_000), { clean: true, stuck: [], superseded: [] });
    t.same(await wrongs(scene, scene.before), []);
  });

  test('the SDK tries again when it is throttled, so that one such answer is not even seen', async (t) => {
    const scene = await newScene();
    const { calls, close } = await sdkStand('patient', { ...connection, endpoint: proxy.url });
    proxy.hinder(0, 'Throttling', false);
    t.ok(await calls.groups.group(`${scene.stand.mark}-production`, new AbortController().signal));
    t.equal(proxy.met(), 'DescribeAutoScalingGroups', 'it was throttled once');
    close();
  });

  test('killed at a step, whatever somebody else did meanwhile, a run is put back and theirs is kept', async (t) => {
    const counting = new Fuse();
    const whole = await newScene();
    await goThrough(whole, whole.stand.calls, counting);
    await putBack(whole, whole.stand.calls, 10_000);
    const steps = counting.count;
    const chosen = full ? Array.from({ length: steps }, (_, step) => step) : draws(seed, 'crash', 6, steps);
    t.comment(`steps ${chosen.join(', ')} of ${steps}, seed ${seed}`);
    const theirs = await visited();
    for (const [at, step] of chosen.entries()) {
      const scene = await newScene();
      const fuse = new Fuse(step);
      await tried(goThrough(scene, scene.stand.calls, fuse));
      t.ok(fuse.dead, `killed at step ${step}`);
      const visit = at % 2 === 0;
      if (visit) await somebodyElse(scene.stand);
      const restored = await putBack(scene, scene.stand.calls, 10_000);
      t.ok(restored.clean, restored.stuck.join('; '));
      t.same(await wrongs(scene, visit ? theirs : scene.before), [], visit ? 'as if only somebody else had been there' : 'as it was');
    }
  });

  const modes: readonly (readonly [Refusal, boolean])[] = [
    ['Throttling', false],
    ['lost', false],
    ['AccessDenied', false],
    ['NotFound', false],
    ['Conflict', false],
    ['AccessDenied', true],
  ];

  test('whichever call is refused, and however, a run ends restored, or stuck with the resource named', async (t) => {
    const whole = await newScene();
    proxy.hinder(-1, 'lost', false);
    await goThrough(whole, whole.stand.calls);
    await putBack(whole, whole.stand.calls, 10_000);
    const all = proxy.calls();
    t.comment(`${all} calls in a life, seed ${seed}`);
    for (const [refusal, forGood] of modes) {
      const chosen = full ? Array.from({ length: all }, (_, index) => index) : draws(seed, `${refusal}${forGood}`, 3, all);
      for (const index of chosen) {
        const scene = await newScene();
        proxy.hinder(index, refusal, forGood);
        const went = await tried(goThrough(scene, scene.stand.calls));
        const first = await putBack(scene, scene.stand.calls, deadlineMs);
        const what = `${refusal}${forGood ? ' for good' : ''} at call ${index} (${proxy.met()}): ${went}`;
        proxy.passOn();
        if (!first.clean) {
          t.ok(first.stuck.length > 0 && namesResources(first), `stuck: ${first.stuck.join('; ')}`);
          const second = await putBack(scene, scene.stand.calls, 10_000);
          t.ok(second.clean, `put back when the right was given back: ${second.stuck.join('; ')}`);
        }
        t.same(await wrongs(scene, scene.before), [], what);
      }
    }
  });
}
