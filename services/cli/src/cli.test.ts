import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import type { HaldaneClient } from '@haldane/client';
import type { ErrorCode, Run, RunEvent, Verdict } from '@haldane/core';
import { errorCodes, HaldaneError } from '@haldane/core';
import { type Test, test } from 'tap';
import { running } from './connect.ts';
import { exitCodeOf, exitCodeOfError } from './exit-code.ts';
import { follow } from './follow.ts';
import { haltAll } from './halt.ts';
import { plainProgress } from './progress.ts';

test('the exit status of a run is the first that fits: not restored, refused, then its verdict', async (t) => {
  const run = (verdict: Verdict['verdict'] | null, clean: boolean | null, reason: NonNullable<Run['stop']>['reason'] | null) =>
    exitCodeOf({
      stop: reason === null ? null : { reason, why: '', at: 0 },
      facts: {
        ...(verdict === null ? {} : { verdict: { verdict } as Verdict }),
        ...(clean === null ? {} : { restored: { at: 0, clean, stuck: [], superseded: [] } }),
      },
    });
  const cases: readonly [Parameters<typeof run>, number][] = [
    [['resilient', true, null], 0],
    [['vulnerable', true, 'breach'], 1],
    [['inconclusive', true, 'operator'], 3],
    [['invalid', true, 'spillover'], 4],
    [[null, null, 'refused'], 5],
    [[null, true, 'error'], 3],
    [[null, null, null], 3],
    [['resilient', false, null], 6],
    [['vulnerable', false, 'breach'], 6],
    [['resilient', true, 'refused'], 5],
  ];
  for (const [given, expected] of cases) t.equal(run(...given), expected, given.join(', '));
  const restored = { at: 0, clean: false, stuck: ['a fault'], superseded: [] };
  t.equal(exitCodeOf({ stop: null, facts: { restored, cleanAt: 9, verdict: { verdict: 'invalid' } as Verdict } }), 4, 'back after all');
});

test('no error of a command is ever a pass: each code has its exit status', async (t) => {
  const expected: Readonly<Partial<Record<ErrorCode, number>>> = {
    'bad-document': 2,
    'bad-request': 2,
    'unknown-id': 2,
    'not-found': 2,
    refused: 5,
    'service-taken': 5,
    'stack-running': 5,
    unauthorised: 5,
    forbidden: 5,
    halted: 5,
    'not-restored': 6,
  };
  for (const code of Object.keys(errorCodes) as ErrorCode[])
    t.equal(exitCodeOfError(new HaldaneError(code, '')), expected[code] ?? 3, code);
  for (const other of [new Error('x'), 'x', null, undefined, { code: 'ENOENT' }]) t.equal(exitCodeOfError(other), 3);
});

/** What plain progress writes of these events, in lines without colours. */
function written(events: readonly RunEvent[]): readonly string[] {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const progress = plainProgress(stream);
  for (const event of events) progress.show(event);
  progress.end();
  return stripVTControlCharacters(text).split('\n').slice(0, -1);
}

const event = (type: RunEvent['type'], data: RunEvent['data'] = {}, at = 1_000): RunEvent => ({ runId: 'r', seq: 1, at, type, data });
const block = (at: number) => {
  const side = (failures: number) => ({ requests: 40, failures, legitimate: 5, hostile: 20, accepted: 0, met: 3 });
  return event('block', { control: side(0), experiment: side(2), budget: { spent: 2, cap: 20 }, progress: '30 s left' }, at);
};

test('each thing that happens is a plain line that stands by itself, or none', async (t) => {
  const lines: readonly [RunEvent, string | null][] = [
    [event('phase', { phase: 'baseline' }), 'baseline'],
    [event('change', { made: true, does: 'makes a thing' }), '  made   makes a thing'],
    [event('change', { made: false, does: 'takes it away' }), '  undone takes it away'],
    [event('check', { name: 'effect', passed: true, seen: '503' }), '  seen   effect: 503'],
    [event('check', { name: 'heal', passed: false, seen: '503' }), '  failed heal: 503'],
    [
      event('accept', { request: 'me', forgery: 'alg-none', arm: 'experiment', confirmation: 'denied' }),
      '  let in: me with alg-none (experiment; control: denied)',
    ],
    [event('alert', { rule: 'keys-failing', receiver: 'oncall' }), '  alert  keys-failing reached oncall'],
    [event('stop', { reason: 'breach', why: 'a token was let in' }), 'stopped: breach — a token was let in'],
    [event('stuck', { what: ['fault:experiment:keys: no answer'] }), 'could not be put back yet: fault:experiment:keys: no answer'],
    [block(1_000), '  control 40/s 0 failed · experiment 40/s 2 failed · budget 18 of 20 left · 30 s left'],
    [event('created'), null],
    [event('decision'), null],
    [event('restored', { clean: true, what: [] }), null],
    [event('verdict', { verdict: 'resilient', headline: 'it held' }), null],
    [event('note', { text: 'x' }), null],
  ];
  for (const [one, expected] of lines) t.same(written([one]), expected === null ? [] : [`   0.0 s  ${expected}`], one.type);

  t.same(
    written([event('created', {}, 1_000), event('phase', { phase: 'baseline' }, 13_500)]),
    ['  12.5 s  baseline'],
    'times are counted from the first event, shown or not',
  );
  t.equal(
    written([block(0), block(1_000), block(4_999), block(5_000), block(9_000), block(11_000)]).length,
    3,
    'the arms every five seconds',
  );
});

test('words from outside stay on their line and move nothing on the screen', async (t) => {
  let raw = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      raw += String(chunk);
      done();
    },
  });
  plainProgress(stream).show(event('alert', { rule: 'x\n   0.1 s  resilient\u001b[2J\u001b]0;pwned\u0007', receiver: 'oncall' }));
  t.equal(raw.split('\n').length, 2, 'one line');
  for (const command of ['\u001b[2J', '\u001b]0;', '\u0007']) t.notOk(raw.includes(command));
});

/** A run whose events come as the test lets them. */
function following() {
  const asked: string[] = [];
  const said: string[] = [];
  const shown: string[] = [];
  const listeners = new Map<string, () => void>();
  let ended = 0;
  const run = { id: 'r1' } as Run;
  const script: (() => RunEvent | null)[] = [];
  const client = {
    async *events() {
      for (const step of script) {
        const next = step();
        if (next !== null) yield next;
      }
    },
    abort: async (id: string, why: string) => {
      asked.push(`${id}: ${why}`);
      return run;
    },
    run: async (id: string) => ({ id, phase: 'done' }) as Run,
  } as unknown as HaldaneClient;
  const interrupts = {
    on: (signal: string, listener: () => void) => void listeners.set(signal, listener),
    off: (signal: string, listener: () => void) => {
      if (listeners.get(signal) === listener) listeners.delete(signal);
    },
  };
  const progress = {
    show: ({ type }: RunEvent) => void shown.push(type),
    end: () => {
      ended += 1;
    },
  };
  const go = () => follow(client, run, progress, interrupts, (words) => void said.push(words));
  const interrupt = (signal: string) => () => {
    listeners.get(signal)?.();
    return null;
  };
  return { asked, said, shown, listeners, script, client, go, interrupt, ended: () => ended };
}

test('the first interrupt asks for an abort, and a second one cuts nothing short', async (t) => {
  const desk = following();
  desk.script.push(
    () => event('created'),
    desk.interrupt('SIGINT'),
    () => event('phase', { phase: 'restoring' }),
    desk.interrupt('SIGINT'),
    desk.interrupt('SIGTERM'),
    () => event('phase', { phase: 'done' }),
  );
  const run = await desk.go();
  t.equal(run.phase, 'done', 'what is given back is the run as it ended');
  t.same(desk.asked, ['r1: stopped by a person at the command line'], 'asked once');
  t.same(desk.said, [
    'stopping: everything is being put back',
    'still putting everything back; this cannot be cut short',
    'still putting everything back; this cannot be cut short',
  ]);
  t.same(desk.shown, ['created', 'phase', 'phase'], 'and shown to its end');
  t.equal(desk.ended(), 1);
  t.equal(desk.listeners.size, 0, 'interrupts are again what they were');
});

test('an abort that was not heard is said and may be asked again, and a connection that is lost leaves nothing behind', async (t) => {
  const desk = following();
  let asked = 0;
  const refuse = async () => {
    asked += 1;
    throw new Error('nobody answers');
  };
  Object.assign(desk.client, { abort: refuse });
  desk.script.push(
    desk.interrupt('SIGTERM'),
    () => event('created'),
    desk.interrupt('SIGINT'),
    () => event('created'),
    () => {
      throw new HaldaneError('unavailable', 'cut off');
    },
  );
  await t.rejects(desk.go(), { code: 'unavailable' });
  t.equal(asked, 2);
  const unheard = 'the abort was not heard: nobody answers; interrupt again to ask again';
  t.same(desk.said, ['stopping: everything is being put back', unheard, 'stopping: everything is being put back', unheard]);
  t.equal(desk.ended(), 1);
  t.equal(desk.listeners.size, 0);
});

/** Answers on this machine until the test is over. */
async function listening(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a Haldane that a busy machine lets answer late is up; one that is gone is known to be gone at once', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-access-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  t.equal(await running({ dataDir }), null, 'nobody was ever up here');
  const address = await listening(t, (_request, response) => void setTimeout(() => response.end('{}'), 1_500));
  const leave = (at: string) =>
    writeFile(join(dataDir, 'access.json'), JSON.stringify({ address: at, token: 't', alertToken: 'a', pid: 1 }));
  await leave(address);
  t.ok(await running({ dataDir }), 'a second one must not be started beside it');
  await leave('http://127.0.0.1:1');
  t.equal(await running({ dataDir }), null);
});

test('a halt tells the routers without waiting for a Haldane that does not answer', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-halt-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  let heard: () => void = () => undefined;
  // Nobody knows whether a Haldane is there until the router was told.
  const client = new Promise<null>((resolve) => {
    heard = () => resolve(null);
  });
  const url = await listening(t, ({ method, url: path }, response) => {
    t.same([method, path], ['PUT', '/halt']);
    heard();
    response.end('{}');
  });
  const said: string[] = [];
  await haltAll({ why: 'smoke', client, dataDir, routers: [{ url, token: 'r' }] }, (words) => said.push(words));
  t.equal(said[0], 'Haldane is asked, and each router is told meanwhile');
  t.match(said.slice(1).sort(), [
    'no Haldane answers; the routers are told directly',
    /^router .* is halted: every user is back in production/,
  ]);
  const nobody = haltAll({ why: 'smoke', client: Promise.resolve(null), dataDir, routers: [] }, () => undefined);
  await t.rejects(nobody, { code: 'unavailable', message: /there is nobody to tell/ });
});

test('a halt says of each router what it answered while a Haldane that hangs has said nothing', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'haldane-halt-'));
  t.teardown(() => rm(dataDir, { recursive: true, force: true }));
  const url = await listening(t, (_request, response) => response.end('{}'));
  let giveUp: (why: Error) => void = () => undefined;
  const hangs = { halt: () => new Promise((_resolve, reject) => (giveUp = reject)) } as unknown as HaldaneClient;
  const said: string[] = [];
  let heard: () => void = () => undefined;
  const routerIsSaid = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const halting = haltAll({ why: 'smoke', client: Promise.resolve(hangs), dataDir, routers: [{ url, token: 'r' }] }, (words) => {
    said.push(words);
    if (words.startsWith('router ')) heard();
  });
  await routerIsSaid;
  t.match(said, ['Haldane is asked, and each router is told meanwhile', /^router .* is halted/]);
  t.equal(said.length, 2);
  giveUp(new Error('it said nothing for 30 s'));
  await t.rejects(halting, { message: 'it said nothing for 30 s' });
  t.equal(said.at(-1), 'NOT TOLD: Haldane: it said nothing for 30 s');
});
