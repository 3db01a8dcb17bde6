import type { ExperimentSpec } from '@haldane/core';
import { usersLevel } from '@haldane/judge';
import { chanceStopped, stoppingLaw } from '@haldane/statistics';
import { test } from 'tap';
import { budgetOf, budgetRefusals } from './budget.ts';
import { findEffect, powerOf, savingOf } from './power.ts';

const spec = {
  share: 0.2,
  exposure: 'all',
  baselineSeconds: 10,
  watchSeconds: 30,
  probes: { legitimateRate: 5, hostileRate: 20, cleanAnswers: 59 },
  budget: { failures: 20, latencyLimitMs: 5000 },
  tolerance: { odds: 1.25, points: 0.001 },
  alpha: 0.05,
} as unknown as ExperimentSpec;

test('a budget that a sound service would spend is refused, and the smallest sensible one is named', async (t) => {
  t.equal(budgetOf(spec, 200), undefined, 'nothing is known of what fails anyway');
  t.equal(budgetOf({ ...spec, background: 0.01 }, null), undefined, 'nor how much traffic there is');
  t.equal(budgetOf({ ...spec, background: 0.01, exposure: 'synthetic' }, 200), undefined, 'nor is anybody exposed');

  const tight = budgetOf({ ...spec, background: 0.02, budget: { ...spec.budget, failures: 5 } }, 200);
  t.ok(tight && tight.chance > 0.5 && tight.chance <= 1, `5 failures in 3,200 requests of which 2 % fail: ${tight?.chance}`);
  const [refusal] = budgetRefusals({ ...spec, budget: { ...spec.budget, failures: 5 } }, tight);
  t.match(
    refusal,
    /a sound service, 2 % of whose requests fail anyway, would spend budget.failures: 5 .* write budget: \{ failures: \d+ \}/,
  );

  const named = tight?.smallestSensible ?? 0;
  const chance = (failures: number) => budgetOf({ ...spec, background: 0.02, budget: { ...spec.budget, failures } }, 200)?.chance ?? 1;
  t.ok(chance(named) <= 0.05, `${named} would do`);
  t.ok(chance(named - 2) > chance(named), 'fewer are spent more often');
  t.same(budgetRefusals(spec, budgetOf({ ...spec, background: 0.02, budget: { ...spec.budget, failures: named } }, 200)), []);
});

test('what a wanted effect takes is what the same computation then finds with that chance', async (t) => {
  const wanted = findEffect({ ...spec, background: 0.01 }, 200, 0.05);
  t.equal(wanted.power, 0.8);
  const requests = wanted.requests ?? 0;
  const power = (seconds: number) =>
    chanceStopped(
      stoppingLaw({
        alpha: usersLevel(spec),
        psi0: 1.25,
        controlRate: 0.01,
        experimentRate: 0.05,
        controlPerSecond: 40,
        experimentPerSecond: 40,
        seconds,
      }),
      seconds,
    );
  t.ok(Math.abs(power(requests / 40) - 0.8) < 0.01, `${requests} requests an arm have a power of ${power(requests / 40)}`);
  const own = wanted.choices.find(({ share }) => share === 0.2);
  t.equal(own?.seconds, Math.ceil(requests / 40), 'the watch that the own share takes');
  for (const { share, seconds } of wanted.choices)
    t.ok((seconds ?? 0) * share * 200 >= requests, `${share} for ${seconds} s brings enough`);

  t.ok((findEffect({ ...spec, background: 0.01 }, 200, 0.1).requests ?? 0) < requests, 'a larger effect takes fewer');
  t.equal(findEffect({ ...spec, background: 0.01 }, 200, 0.012).requests, null, 'an effect within the tolerance is never found');
  t.equal(findEffect({ ...spec, background: 0.01 }, null, 0.05).choices[0]?.seconds, null, 'without traffic no duration');
});

test('a larger control arm finds the same effect with fewer requests of the experiment, and the plan says how many', async (t) => {
  const known = { ...spec, background: 0.01, instances: 1 };
  const found = (controlTimes: number) => findEffect({ ...known, controlTimes }, 200, 0.05).requests ?? Number.NaN;
  t.ok(found(4) < found(2) && found(2) < found(1), `${found(1)}, ${found(2)}, ${found(4)} requests`);
  t.ok(found(4) < 0.75 * found(1), 'four times as much control saves more than a quarter');
  t.equal(savingOf(known, 200), null, 'equal arms save nothing');
  const words = savingOf({ ...known, controlTimes: 4 }, 200) ?? '';
  t.match(
    words,
    /4 times as large: 2 % failing in place of 1 % .* \d+ requests of the experiment in place of \d+ \(\d+ s in place of \d+ s\).* 3 more/,
  );
  t.match(savingOf({ ...known, controlTimes: 4 }, null), /requests of the experiment in place of \d+; so many/, 'without traffic no time');
});

test('what a plan can show uses the background that was declared', async (t) => {
  t.match(powerOf({ ...spec, background: 0.02 }, 200)[0]?.effect, /in place of 2 %/);
  t.match(powerOf(spec, 200)[0]?.effect, /in place of 0.1 %/);
  const [smallest] = powerOf(spec, 200).filter(({ power }) => power === 0.8);
  t.ok(smallest && smallest.expectedSeconds !== null && smallest.expectedSeconds <= 30);
});
