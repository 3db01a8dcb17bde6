import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HaldaneClient } from '@haldane/client';
import type { Evidence, Plan, Run } from '@haldane/core';
import { freePort, lookAt, startMoto } from '@haldane/platforms/aws-testing';
import { t as file, type Test, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { phase, startRun } from '../testing/follow.ts';
import { hinderingProxy } from '../testing/hindering-proxy.ts';
import { startPrometheus } from '../testing/real-prometheus.ts';
import { serveKeys } from '../testing/tiny.ts';
import { type Crowd, users, usersOf } from '../testing/users-of.ts';
import { type Place, type WiredService, wiredService } from '../testing/wired-service.ts';

/*
 * Users' own requests in the arms of an account that moto's server plays: what leads them there are calls of Elastic Load Balancing and Auto Scaling
 * alone, which a small balancer follows to real local processes. A brittle service fails them while its keys cannot be had.
 */

const moto = process.env['LANE_MOTO'];
const prometheus = process.env['LANE_PROMETHEUS'];
const budget = 5;

if (moto === undefined || prometheus === undefined) {
  test(
    'users in an account of moto',
    {
      skip: 'LANE_MOTO names no moto_server or LANE_PROMETHEUS no prometheus; .ci/run installs both',
    },
    async () => undefined,
  );
} else {
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  const never = new AbortController().signal;
  allowSeconds(1_500);
  const timeout = 700_000;
  const server = await startMoto(moto);
  file.teardown(() => server.stop());
  const proxy = await hinderingProxy(server);
  file.teardown(() => proxy.close());
  const connection = {
    region: 'eu-west-1',
    endpoint: proxy.url,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };

  /** A run among users, and what came of it: the account is as before, both arms were met, control failed nobody. */
  async function among(t: Test, token: string, { stand, before, groups, machines, balancer, client, experiment }: WiredService) {
    const crowd = usersOf(balancer.url, token);
    t.teardown(() => crowd.stop());
    const { ended, run } = await startRun(client, experiment, { withinMs: 400_000 });
    groups.push(`${run.id}.control`, `${run.id}.experiment`);
    const done = await ended;
    t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, `${JSON.stringify(done.stop)} ${machines.said()}`);
    t.same(await lookAt(stand, run.id), before, 'the account is what it was');
    const { blocks } = (JSON.parse(await client.report(run.id, 'json')) as { evidence: Evidence }).evidence;
    const sum = (arm: 'control' | 'experiment', what: 'requests' | 'failures') =>
      blocks.reduce((all, { real }) => all + real[arm][what], 0);
    t.ok(sum('control', 'requests') > 0 && sum('experiment', 'requests') > 0, 'users were in both arms');
    t.equal(sum('control', 'failures'), 0, 'and control failed none of them');
    const { contact } = done.facts.verdict?.record ?? {};
    t.ok((contact?.count ?? 0) > 0 && contact?.leaked === 0, `the experiment met the fault ${contact?.count} times, nobody else did`);
    return { done, crowd, counted: sum('experiment', 'failures') };
  }
  const after = async (t: Test, crowd: Crowd) => {
    const then = crowd.failed();
    await crowd.more(40);
    t.equal(crowd.failed(), then, 'and nobody fails any more');
    await crowd.stop();
  };

  test("by the weights of the listener's rule, counted by Prometheus: a sound service holds, a brittle one spends the budget, and users leave", {
    timeout,
  }, async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    for (const brittle of [false, true]) {
      const { url, read } = await startPrometheus(t, prometheus);
      const wired = await wiredService(t, keys, connection, {
        ...placeOf(brittle ? 'u1x' : 'u0x', brittle ? 80 : 79, brittle),
        traffic: 'metrics: prometheus\nexposure: all\nshare: 20%\nwatch: 20s',
        prometheus: { url, queries },
      });
      const { stand, groups, client, stack, experiment } = wired;
      // As ec2_sd_configs does: what a group launches is read under the group's name.
      const discover = async () => {
        const found = (await Promise.all(groups.map((name) => stand.calls.groups.group(name, never)))).flatMap((one) => one ?? []);
        const launched = found.flatMap(({ name, instances }) => instances.map(({ id }) => ({ cluster: name, id })));
        const ids = launched.map(({ id }) => id);
        const addresses = await stand.calls.templates.addresses(ids, never);
        await read(launched.map(({ cluster, id }) => ({ cluster, address: `${addresses.get(id)}:8080` })));
      };
      await discover();
      // A counter is there from the first answer on.
      await fetch(new URL('/me', wired.balancer.url)).then((answer) => answer.text());
      const plan = await planned(client, experiment);
      t.same(plan.refusals, [], 'once Prometheus has read production');
      t.match(plan.caps[0]?.enforcedBy, /Prometheus reads instances every .* may fail beyond the cap/, 'the plan says how late');
      t.ok(
        plan.notes.some((note) => /unit of the comparison is the request/.test(note)),
        'and what is compared',
      );
      const discovering = setInterval(() => void discover().catch(() => undefined), 1_000);
      t.teardown(() => clearInterval(discovering));
      const { done, crowd, counted } = await among(t, keys.token, wired);
      if (brittle) {
        spent(t, done);
        t.ok(counted >= budget && counted <= crowd.failed(), `told are failures that users saw: ${counted} of ${crowd.failed()}`);
        await after(t, crowd);
      } else {
        t.match([done.stop, crowd.failed()], [null, 0], done.facts.verdict?.headline ?? 'no verdict');
        await crowd.stop();
      }
      clearInterval(discovering);
      await stack.stop();
    }
  });

  test("by the side door: the balancer sends a share to Haldane's router, which splits it by user and lets no more fail than the budget", {
    timeout,
  }, async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    for (const brittle of [false, true]) {
      const wired = await wiredService(t, keys, connection, {
        ...placeOf(brittle ? 'd1x' : 'd0x', brittle ? 82 : 81, brittle),
        traffic: 'metrics: router\nexposure: all\nshare: 10%\nwatch: 20s',
        sideDoorPort: await freePort(),
      });
      const plan = await planned(wired.client, wired.experiment);
      t.same(plan.refusals, []);
      t.match(plan.caps[0]?.enforcedBy, /before it admits a request: exact/, 'the plan says that the budget is exact');
      const { done, crowd } = await among(t, keys.token, wired);
      if (brittle) {
        spent(t, done);
        t.ok(crowd.failed() > 0 && crowd.failed() <= budget, `${crowd.failed()} of ${budget} failed: not one beyond the budget`);
        await after(t, crowd);
      } else {
        t.match([done.stop, crowd.failed()], [null, 0], done.facts.verdict?.headline ?? 'no verdict');
        await crowd.stop();
      }
      await wired.stack.stop();
    }
  });

  test('by the side door: its router is killed in the middle of a run; users get production, and the run ends with everything as it was', {
    timeout,
  }, async (t) => {
    const keys = await serveKeys();
    t.teardown(() => keys.close());
    const wired = await wiredService(t, keys, connection, {
      ...placeOf('r0x', 83, false),
      traffic: 'metrics: router\nexposure: all\nshare: 10%\nwatch: 60s',
      sideDoorPort: await freePort(),
    });
    const { stand, before, groups, machines, balancer, client, experiment, dataDir } = wired;
    t.same((await planned(client, experiment)).refusals, []);
    const crowd = usersOf(balancer.url, keys.token);
    t.teardown(() => crowd.stop());
    const { ended, run, until } = await startRun(client, experiment, { withinMs: 400_000 });
    groups.push(`${run.id}.control`, `${run.id}.experiment`);
    await until(phase('observing'), 'being observed');
    while (!wired.isSideDoorWell()) await sleep(100);
    t.equal(crowd.lost(), 0, 'until then each user was answered');
    const { pid } = JSON.parse(await readFile(join(dataDir, 'router', 'router.json'), 'utf8')) as { readonly pid: number };
    process.kill(pid, 'SIGKILL');
    while (wired.isSideDoorWell()) await sleep(100);
    // Whoever was sent there before its balancer saw that has been answered when each has asked again.
    await crowd.more(users);
    const lost = crowd.lost();
    await crowd.more(users);
    t.equal(crowd.lost(), lost, `users get production: ${lost} were lost before the balancer saw it, and nobody since`);
    const done = await ended;
    t.equal(done.stop?.reason, 'metrics-unavailable', done.stop?.why ?? 'it did not stop');
    t.match(done.facts.restored, { clean: true, stuck: [], superseded: [] }, `${JSON.stringify(done.facts.restored)} ${machines.said()}`);
    t.same(await lookAt(stand, run.id), before, 'the account is what it was');
    t.equal(crowd.failed(), 0, 'no user met the fault of an arm');
    await after(t, crowd);
    await wired.stack.stop();
  });
}

const queries = {
  requests: 'http_requests_total{cluster="$cluster",synthetic!="true"}',
  up: 'up{cluster="$cluster"}',
  started: 'process_start_time_seconds{cluster="$cluster"}',
};

function placeOf(mark: string, network: number, brittle: boolean): Place {
  return { mark, network: `127.${network}`, flags: brittle ? ' TINY_BRITTLE=yes' : '' };
}

/** The plan, once whoever counts and whoever serves has seen production, or as it is after a minute. */
async function planned(client: HaldaneClient, experiment: string): Promise<Plan> {
  let plan = await client.plan(experiment);
  for (let tries = 0; tries < 200 && plan.refusals.length > 0; tries += 1) {
    await sleep(300);
    plan = await client.plan(experiment);
  }
  return plan;
}

function spent(t: Test, { stop, facts: { verdict } }: Run): void {
  t.equal(stop?.reason, 'budget-spent', `${stop?.why ?? 'it did not stop'}: ${verdict?.headline ?? 'no verdict'}`);
}
