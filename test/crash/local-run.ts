// The process that `local.test.ts` kills: a Haldane with a run, that ends itself with SIGKILL at one write of the journal.

import { HaldaneClient } from '@haldane/client';
import type { Journal } from '@haldane/core';
import { inventory, readConfig, startStack } from '@haldane/standalone';
import { openStore, type Store } from '@haldane/store';
import { writeTiny } from '../testing/tiny.ts';

const [dataDir = '', filesDir = '', moment = ''] = process.argv.slice(2);
const say = (line: object) => new Promise<void>((done) => void process.stdout.write(`${JSON.stringify(line)}\n`, () => done()));

/** Each write is a moment before it and a moment after it, from 0. Past the last one nothing is killed. */
let next = 0;
const passed = () => {
  if (next === Number(moment)) process.kill(process.pid, 'SIGKILL');
  next += 1;
};
function fused(journal: Journal): Journal {
  const write = async <T>(made: () => Promise<T>): Promise<T> => {
    passed();
    const result = await made();
    passed();
    return result;
  };
  return {
    intend: (...given) => write(() => journal.intend(...given)),
    mark: (...given) => write(() => journal.mark(...given)),
    entries: (runId) => journal.entries(runId),
  };
}

const config = readConfig(process.env, dataDir);
const opened = await openStore({ dataDir });
const store: Store = { ...opened, journal: fused(opened.journal) };
const stack = await startStack({ ...config, port: 0, databaseUrl: null, ephemeral: true, store });
const client = new HaldaneClient(stack.access);
const files = await writeTiny(filesDir);
const { address } = await client.deploy(files.manifest);
await say({ address, before: await inventory(config) });
const run = await client.create({ file: files.experiment });
await say({ run: run.id });
for await (const event of client.events(run.id, 0, AbortSignal.timeout(110_000))) void event;
await say({ moments: next });
await stack.stop();
