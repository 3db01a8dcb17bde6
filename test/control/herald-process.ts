// One herald as a process of its own, over the shared database.

import { systemClock } from '@haldane/core';
import { egress } from '@haldane/egress';
import { notifiers, readNotify, whoIsTold } from '@haldane/notifiers';
import { noticeOf } from '@haldane/reports';
import { Herald } from '@haldane/scheduler';
import { type Address, openStore } from '@haldane/store';

type Given = { readonly address: Address; readonly notify: string; readonly env: Readonly<Record<string, string>> };
const { address, notify: text, env } = JSON.parse(process.argv[2] ?? '') as Given;
const store = await openStore({ ...address, poolSize: 4 });
const notify = readNotify(text, 'haldane.notify.yaml');
const herald = new Herald({
  outbox: store.outbox,
  pools: ['ours', null],
  receivers: notifiers(notify, { env, egress: egress(notify.allow), clock: systemClock }),
  compose: async (news) => {
    const run = news.runId === null ? null : await store.runs.get(news.runId);
    const notice = noticeOf({ news, run, report: null, team: null, link: null });
    return whoIsTold(notify.tell, notice).map((receiver) => ({ receiver, notice }));
  },
  onGivenUp: async () => undefined,
  onTrouble: (what, error) => process.stderr.write(`${what}: ${String(error)}\n`),
  clock: systemClock,
  random: Math.random,
  persistence: { firstMs: 50, mostMs: 400, forMs: 600_000 },
});
herald.start();
process.stdout.write('up\n');
