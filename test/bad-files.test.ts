import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HaldaneError, hasCode, messageOf } from '@haldane/core';
import { readExperiment } from '@haldane/experiment';
import { readManifest } from '@haldane/pipelines';
import { scenarios } from '@haldane/scenarios';
import { test } from 'tap';

const folder = join(import.meta.dirname, 'bad-files');
/** For each bad file the problems that its message must list: all of them, in this order, word for word. */
const expected = new Map<string, string[]>();
for (const line of readFileSync(join(folder, 'expected.txt'), 'utf8')
  .split('\n')
  .filter((one) => one !== '')) {
  if (line.startsWith('  ')) [...expected.values()].at(-1)?.push(line.trim());
  else expected.set(line, []);
}
const env = { SHOP_SECRET: 'CANARY-secret' };

const readers = {
  manifests: async (text: string, source: string) => readManifest({ text, source, env }),
  experiments: (text: string, source: string) =>
    readExperiment({
      text,
      source,
      env,
      scenarios,
      known: { platforms: ['local'], pipelines: ['manifest'], metrics: ['router'], alerts: ['webhook'] },
      serviceAt: (path) => {
        if (!path.endsWith('shop.yaml')) throw new HaldaneError('not-found', 'there is no such file');
        return { service: 'shop', environment: 'demo' };
      },
    }),
};

for (const kind of ['manifests', 'experiments'] as const) {
  const files = readdirSync(join(folder, kind)).sort();
  const readFile = async (file: string): Promise<unknown> =>
    readers[kind](readFileSync(join(folder, kind, file), 'utf8'), `${kind}/${file}`);

  test(`each of the bad ${kind} is refused with every problem, and nothing else is said`, async (t) => {
    for (const file of files.filter((one) => one !== 'good.yaml')) {
      const error = await readFile(file).then(
        () => null,
        (reason: unknown) => reason,
      );
      const [head, ...problems] = messageOf(error).split('\n');
      t.ok(hasCode(error, 'bad-document'), `${file} is refused`);
      t.ok(head?.startsWith(`${kind}/${file} is not a good ${kind.slice(0, -1)}: `), `${file} is named`);
      t.same(
        problems.map((problem) => problem.trim()),
        expected.get(`${kind}/${file}`),
        file,
      );
      t.notMatch(`${messageOf(error)}${JSON.stringify((error as HaldaneError).details)}`, 'CANARY', `${file}: no secret is shown`);
    }
  });

  test(`what the bad ${kind} were made from is good, so each is refused for its own fault`, async (t) => {
    await t.resolves(readFile('good.yaml'));
    const named = [...expected.keys()].filter((file) => file.startsWith(`${kind}/`));
    t.same(
      named,
      files.filter((one) => one !== 'good.yaml').map((file) => `${kind}/${file}`),
      'every file has its message and every message its file',
    );
  });
}

test('there are at least 60 bad files', async (t) => {
  t.ok(expected.size >= 60);
});
