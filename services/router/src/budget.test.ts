import type { ClientRequest, RequestListener } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { assign } from '@haldane/dataplane';
import { test } from 'tap';
import { Agent, type Answer, ask, cookie, newKey, secret, seeded, sliceOf, standWithArms, until } from '../test/stand.ts';
import { Budget } from './run/budget.ts';

test('whatever the order of events, failed and in flight together never pass the cap and its credit', async (t) => {
  const draw = seeded(7);
  for (const creditRate of [0, 0.05]) {
    const budget = new Budget();
    budget.limit({ failures: 3, latencyLimitMs: 1000, creditRate });
    let admitted = 0;
    let failed = 0;
    for (let i = 0; i < 20_000; i += 1) {
      if (draw() < 0.5) admitted += budget.admit(`key ${i % 50}`) ? 1 : 0;
      else if (budget.inFlight > 0) {
        const fails = draw() < 0.01;
        failed += fails ? 1 : 0;
        if (fails) budget.charge('any');
        else budget.release('any');
      }
      if (failed + budget.inFlight > 3 + Math.floor(creditRate * admitted)) t.fail(`step ${i}: ${failed} + ${budget.inFlight}`);
    }
    t.equal(budget.spent, failed);
    t.ok(creditRate === 0 ? failed === 3 : failed > 3, `${failed} failures at a credit of ${creditRate}`);
  }
});

test('whatever the order of events, no more users see a failure than may, though each may see many', async (t) => {
  const draw = seeded(11);
  const budget = new Budget();
  budget.limit({ failures: 1000, users: 3, latencyLimitMs: 1000, creditRate: 0 });
  const inFlight: string[] = [];
  const hurt = new Set<string>();
  let failed = 0;
  for (let i = 0; i < 20_000; i += 1) {
    const key = `key ${Math.floor(draw() * 20)}`;
    if (draw() < 0.5) {
      if (budget.admit(key)) inFlight.push(key);
    } else if (inFlight.length > 0) {
      const [ends] = inFlight.splice(Math.floor(draw() * inFlight.length), 1) as [string];
      const fails = draw() < 0.02;
      if (fails) {
        hurt.add(ends);
        failed += 1;
        budget.charge(ends);
      } else budget.release(ends);
    }
    const atRisk = new Set([...hurt, ...inFlight]).size;
    if (atRisk > 3) t.fail(`step ${i}: ${atRisk} users have seen a failure or may see one`);
  }
  t.equal(hurt.size, 3);
  t.equal(budget.hurt, 3);
  t.ok(failed > 30, `${failed} failures, all of the same three`);
  t.notOk(budget.admit('somebody else'));
  t.ok(budget.admit([...hurt][0] ?? ''), 'who was hurt already is nobody new');
});

const behaviours: Record<string, RequestListener> = {
  'answers 500': (_request, response) => response.writeHead(500).end('no'),
  'resets before it answers': (request) => request.socket.resetAndDestroy(),
  'resets in the middle': (request, response) => {
    response.write('half', () => request.socket.resetAndDestroy());
  },
  'never answers': () => undefined,
  'answers too late': (_request, response) => void wait(400).then(() => response.end('late')),
  'trickles past the limit': (_request, response) => {
    response.write('a');
    void wait(400).then(() => response.end('b'));
  },
};

for (const cap of [1, 5]) {
  for (const [how, listener] of Object.entries(behaviours)) {
    test(`an arm that ${how} hurts exactly ${cap} of 400 requests at a concurrency of 200`, async (t) => {
      let reached = 0;
      const counted: RequestListener = (request, response) => {
        reached += 1;
        listener(request, response);
      };
      const { client, port } = await standWithArms(t, { control: counted, experiment: counted });
      await client.putSlice('pay', sliceOf({ cap, limitMs: 100 }));
      const agent = new Agent({ keepAlive: true, maxSockets: 400 });
      const answers: (Answer | 'broken')[] = [];
      const waiting = new Set<ClientRequest>();
      const user = async () => {
        const key = newKey();
        for (let i = 0; i < 2; i += 1) {
          let mine: ClientRequest | undefined;
          const begun = (sent: ClientRequest) => {
            mine = sent;
            waiting.add(sent);
          };
          answers.push(await ask(port, { headers: cookie(key), agent, begun }));
          if (mine) waiting.delete(mine);
        }
      };
      const users = Promise.all(Array.from({ length: 200 }, user));
      const charged = async () => (await client.view()).routes[0]?.slices[0]?.spent;
      await until(
        async () => (await charged()) === cap && answers.length >= 400 - cap * 2,
        'the budget is spent and everybody else has an answer',
      );
      for (const sent of waiting) sent.destroy();
      await users;
      agent.destroy();
      t.equal(reached, cap, 'no more requests than that ever reached an arm');
      t.equal(await charged(), cap);
      const well = answers.filter((answer) => answer !== 'broken' && answer.status === 200 && answer.body === 'production').length;
      t.ok(well >= 400 - cap * 3, `${well} were served by production`);
      await client.deleteSlice('pay', 'r1', 'main');
      await client.putSlice('pay', sliceOf({ name: 'again', cap, limitMs: 100 }));
      for (let i = 0; i < 5; i += 1) t.match(await ask(port, { headers: cookie(newKey()) }), { body: 'production' });
      t.equal(reached, cap, 'the budget is over all slices of the run');
      if (cap === 1) return;
      const blocks = await until(async () => {
        const answer = await client.telemetry('r1', 0);
        return answer.blocks.some((block) => block.budget.spent === cap && block.narrowed) ? answer.blocks : null;
      }, 'told');
      t.notOk(blocks.some((block) => block.budget.spent > cap));
    });
  }
}

test('units come back at the last byte of a success: a cap of 2 carries any number of good requests', async (t) => {
  let inArms = 0;
  let most = 0;
  const counted: RequestListener = (_request, response) => {
    inArms += 1;
    most = Math.max(most, inArms);
    response.write('a');
    setImmediate(() => {
      inArms -= 1;
      response.end('b');
    });
  };
  const { client, port } = await standWithArms(t, { control: counted, experiment: counted });
  await client.putSlice('pay', sliceOf({ cap: 2 }));
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  t.teardown(() => agent.destroy());
  const bodies: string[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let i = 0; i < 20; i += 1) {
        const answer = await ask(port, { headers: cookie(newKey()), agent });
        if (answer === 'broken') t.fail('lost');
        else bodies.push(answer.body);
      }
    }),
  );
  t.equal(bodies.length, 1000);
  t.ok(most <= 2, `at most ${most} at once in the arms`);
  t.ok(bodies.filter((body) => body === 'ab').length > 2, 'more than two were carried');
});

test('not one request is lost while a run comes and goes fifty times under load, and no user changes arm', async (t) => {
  const { client, port, attachment } = await standWithArms(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 40 });
  t.teardown(() => agent.destroy());
  let over = false;
  let sent = 0;
  const seen = { production: 0, control: 0, experiment: 0 };
  const lost: unknown[] = [];
  const load = Promise.all(
    Array.from({ length: 20 }, async () => {
      const key = newKey();
      const dealt = assign(secret, key, 0.3);
      while (!over) {
        sent += 1;
        const answer = await ask(port, {
          headers: cookie(key),
          agent,
          method: sent % 3 === 0 ? 'POST' : 'GET',
          ...(sent % 3 === 0 ? { body: 'x'.repeat(2000) } : {}),
        });
        const body = answer === 'broken' ? 'broken' : answer.body;
        if (answer === 'broken' || answer.status !== 200 || !answer.whole || (body !== dealt && body !== 'production')) lost.push(answer);
        if (body === 'production' || body === 'control' || body === 'experiment') seen[body] += 1;
        await wait(40);
      }
    }),
  );
  for (let i = 0; i < 50; i += 1) {
    await client.attach(attachment);
    await client.putSlice('pay', sliceOf({ share: 0.3 }));
    await wait(20);
    if (i % 2 === 0) await client.deleteSlice('pay', 'r1', 'main');
    await wait(10);
    if (i % 3 === 0) await client.detach('pay', 'r1');
    await wait(10);
  }
  over = true;
  await load;
  t.same(lost, []);
  t.ok(seen.control > 0 && seen.experiment > 0 && seen.production > 0, JSON.stringify(seen));
  t.equal(seen.control + seen.experiment + seen.production, sent);
  const blocks = (await client.telemetry('r1', 0)).blocks;
  t.equal(
    blocks.reduce((sum, block) => sum + block.switched, 0),
    0,
  );
});
