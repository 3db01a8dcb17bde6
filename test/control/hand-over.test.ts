import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { newRunId } from '@haldane/runner';
import { openStore, startEmbedded } from '@haldane/store';
import { sampleDeployment, sampleExperiment } from '@haldane/testkit';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startCollector } from '../testing/collector.ts';
import { openRoom } from '../testing/room.ts';
import { openOutside } from './outside.ts';

// Long, because a machine that is busy must not look like a runner that was lost.
const timing = { leaseMs: 20_000, renewEveryMs: 1_000, applyTimeoutMs: 8_000, claimEveryMs: 100, offeredMs: 7_000 };
const withinMs = 300_000;
allowSeconds(withinMs / 1000 + 60);
const room = await openRoom();
after(() => room.leave());

test('a runner that is told to end hands over the run that it watches, and another goes on with it; the last one puts its run back', async (t) => {
  const database = await startEmbedded({ dataDir: await room.passable('database'), fsync: false });
  room.onLeave(() => database.stop());
  const address = { connection: database.connection };
  const store = await openStore(address);
  room.onLeave(() => store.close());
  const service = 'payments';
  const outside = await openOutside([service], timing.leaseMs);
  room.onLeave(() => outside.close());
  const before = outside.look();
  const traces = await startCollector();
  room.onLeave(() => traces.close());
  const start = async (name: string): Promise<ChildProcess> => {
    const given = JSON.stringify({ address, outside: outside.url, name, timing, traces: traces.url });
    const file = fileURLToPath(new URL(`runner-process${extname(import.meta.url)}`, import.meta.url));
    const child = spawn(process.execPath, [...process.execArgv, file, given], { cwd: room.folder, stdio: ['ignore', 'pipe', 'ignore'] });
    room.onLeave(async () => child.kill('SIGKILL'));
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    return child;
  };
  const until = Date.now() + withinMs;
  const soon = async <T>(what: string, look: () => Promise<T | null>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== null) return found;
      if (Date.now() > until) throw new Error(`${what} did not come in ${withinMs / 1000} s`);
      await sleep(100);
    }
  };

  const [first, second] = await Promise.all(['first', 'second'].map(start));
  if (first === undefined || second === undefined) throw new Error('two were started');
  // Both are there, and one alone can take the run.
  second.kill('SIGSTOP');
  const { environment } = sampleDeployment(service);
  const probes = { legitimateRate: 5, hostileRate: 20, cleanAnswers: 20 };
  const spec = { ...sampleExperiment(service), scenario: { id: 'keys-away', params: {} }, environment };
  const experiment = { ...spec, baselineSeconds: 3, watchSeconds: 12, contact: 10, probes };
  const create = () => store.runs.create({ id: newRunId(), service, environment, experiment, key: null });
  const isOver = async (runId: string) => {
    const found = await store.runs.get(runId);
    return found?.phase === 'done' ? found : null;
  };
  const { id } = await create();
  // It has watched for a while: there is something to lose.
  await soon('two seconds of the watch', async () => {
    const { blocks } = await store.evidence.read(id);
    return blocks.filter(({ phase }) => phase === 'observing').length >= 2 ? true : null;
  });
  const watched = (await store.evidence.read(id)).blocks.length;
  const ended = once(first, 'exit');
  first.kill('SIGTERM');
  second.kill('SIGCONT');
  t.same((await ended)[0], 0, 'the first one ends by itself');
  const run = await soon('the end of the run', () => isOver(id));
  const [evidence, journal, events] = await Promise.all([
    store.evidence.read(id),
    store.journal.entries(id),
    store.runs.events(id, 0, 10_000),
  ]);
  t.match(run, { stop: null, facts: { verdict: { verdict: 'resilient' }, restored: { clean: true } } });
  const notes = events.filter(({ type, data }) => type === 'note' && ('handedOver' in data || 'takenOver' in data));
  t.same(
    notes.map(({ data }) => data),
    [{ handedOver: 'observing' }, { takenOver: 'observing' }],
    'in the middle of its watch',
  );
  const changes = events.filter(({ type }) => type === 'change');
  const made = changes.filter(({ data }) => data['made'] === true);
  t.same(
    made.filter(({ seq }) => seq > (notes[0]?.seq ?? 0)),
    [],
    'what the first one made is still there: the second makes nothing',
  );
  t.equal(made.length, journal.length);
  t.same(
    journal.filter(({ state }) => state !== 'reverted'),
    [],
  );
  t.ok(evidence.blocks.length > watched, 'the evidence of both is one');
  t.equal(new Set(evidence.marks.map(({ phase }) => phase)).size, evidence.marks.length, 'each phase began once');
  t.equal(outside.look(), before, 'the world outside is as it was');

  const alone = await create();
  await soon('a second of its baseline', async () => ((await store.evidence.read(alone.id)).blocks.length > 0 ? true : null));
  t.not(outside.look(), before);
  const over = once(second, 'exit');
  second.kill('SIGTERM');
  t.same((await over)[0], 0, 'the last one ends by itself, too');
  t.match(await isOver(alone.id), { stop: { reason: 'operator', why: /no other runner took/ }, facts: { restored: { clean: true } } });
  t.equal(outside.look(), before, 'and has put everything back, for nobody else is there');

  // Both have sent what they had before they ended.
  const [begun, goneOn, ...more] = traces.tree().filter(({ facts }) => facts['haldane.run'] === id);
  t.match(begun, { name: 'run', links: [], facts: { 'haldane.end': 'given-back' } });
  t.match(goneOn, {
    name: 'run',
    links: [begun?.id],
    facts: { 'haldane.end': 'done', 'haldane.phase': 'observing', 'haldane.verdict': 'resilient' },
  });
  t.equal(goneOn?.id.split(' ')[0], begun?.id.split(' ')[0], 'one trace, of both runners');
  t.same(more, []);
  t.equal(begun?.parts.at(-1)?.name, 'observing');
  t.same(
    goneOn?.parts.map(({ name }) => name),
    ['observing', 'restoring', 'judging', 'reporting'],
  );
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
