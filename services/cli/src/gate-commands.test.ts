import { Writable } from 'node:stream';
import type { HaldaneClient } from '@haldane/client';
import { type GateAnswer, HaldaneError } from '@haldane/core';
import { Command } from 'commander';
import { test } from 'tap';
import { addGateCommands } from './gate-commands.ts';

const answer: GateAnswer = {
  service: 'payments',
  environment: 'production',
  revision: 'new',
  live: 'old',
  decision: 'allow',
  why: 'nothing speaks against it',
  open: null,
  findings: [
    { experiment: 'keys', mode: 'block', standing: 'passed', blocks: false, accepted: null, runId: 'r1', says: 'keys: resilient' },
  ],
  record: { blocking: 2, confirmed: 1 },
};

/** The command's exit status and words, before a server that answers like this. */
async function said(gate: () => Promise<GateAnswer>, ...args: readonly string[]) {
  let out = '';
  const words: string[] = [];
  const exits: number[] = [];
  const haldane = new Command('haldane').exitOverride().configureOutput({ writeErr: () => undefined });
  addGateCommands(haldane, {
    out: new Writable({
      write(chunk, _encoding, done) {
        out += String(chunk);
        done();
      },
    }),
    say: (line) => void words.push(line),
    withClient: async (work) =>
      void exits.push(await work({ client: { gate } as unknown as HaldaneClient, ownStack: false, close: async () => undefined })),
    exit: (code) => void exits.push(code),
  });
  await haldane.parseAsync(['gate', 'payments', '--revision', 'new', ...args], { from: 'user' });
  return { out, words, exits };
}

test('the exit status says whether the pipeline may go on, also when nobody answers', async (t) => {
  for (const [decision, code] of [
    ['allow', 0],
    ['warn', 0],
    ['block', 1],
  ] as const) {
    const { out, exits } = await said(async () => ({ ...answer, decision }));
    t.same(exits, [code], decision);
    t.match(
      out,
      new RegExp(`^${decision}: nothing speaks against it\npayments in production at new, compared with old\n {2}passed .*keys: resilient`),
    );
    t.match(out, /so far: 2, found again by a second run: 1/);
  }
  t.match(JSON.parse((await said(async () => answer, '--json')).out), answer);

  const nobody = () => Promise.reject(new HaldaneError('unavailable', 'Haldane does not answer at https://x'));
  const unchecked = await said(nobody);
  t.same(unchecked.exits, [0]);
  t.match(unchecked.words, [/^GATE NOT ASKED: Haldane does not answer.* goes on unchecked/]);
  const held = await said(nobody, '--if-unreachable', 'block');
  t.same(held.exits, [1]);
  t.match(held.words, [/is held/]);
  await t.rejects(
    said(() => Promise.reject(new HaldaneError('forbidden', 'no'))),
    { code: 'forbidden' },
    'a refusal is no silence',
  );
});
