import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { parseShare, parseWhole } from './option-values.ts';
import { rehearseFile } from './rehearse.ts';

test('an experiment is rehearsed from its file alone: no service, no stack, no manifest', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'haldane-rehearse-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'experiment.yaml');
  await writeFile(
    file,
    'name: first\nservice: nowhere.yaml\nscenario: { id: idp-jwks-unavailable, params: { dependency: keys, mode: "503", keyCacheSeconds: 5s } }\nshare: 20%\ntraffic: 100/s\nbaseline: 5s\nwatch: 10s\nprobes: { hostile: 20/s }\nbudget: { failures: 50 }\n',
  );
  const told: string[] = [];
  const wishes = { runs: 2, seed: 1, rate: undefined, effects: [0.5] };
  const text = await rehearseFile(file, {}, wishes, (words) => told.push(words));
  t.match(text, /Rehearsal of first: 2 runs a situation .* seed 1/);
  t.match(text, /20 requests a second in each arm, 1 % of them fail anyway \(assumed; the file has no background\)/);
  t.match(text, /50 % of requests fail/);
  t.match(told.at(-1), /2 of 2 runs/);
  t.equal(await rehearseFile(file, {}, wishes, () => undefined), text, 'the same seed prints the same');
  t.match(await rehearseFile(file, {}, { ...wishes, rate: 500 }, () => undefined), /^100 requests a second in each arm,/m);
  await t.rejects(
    rehearseFile(join(folder, 'none.yaml'), {}, wishes, () => undefined),
    { code: 'not-found' },
  );
});

test('values of options are read strictly', async (t) => {
  t.equal(parseShare('--find', '1%'), 0.01);
  t.equal(parseShare('--find', '0.25'), 0.25);
  for (const wrong of ['0', '100%', '1,5', 'many', ''])
    t.throws(() => parseShare('--find', wrong), { code: 'bad-request', message: /--find/ });
  t.equal(parseWhole('--runs', '500', 1, 1000), 500);
  for (const wrong of ['0', '1.5', 'x', '1001'])
    t.throws(() => parseWhole('--runs', wrong, 1, 1000), { code: 'bad-request', message: /--runs/ });
});
