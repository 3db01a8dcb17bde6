import { test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startRun } from '../testing/follow.ts';
import { experimentOf, keysAway, manifestOf, paymentsHouse } from '../testing/payments.ts';
import { openRoom } from '../testing/room.ts';

allowSeconds(180);

test('behind a shield a service that turns its users away is found out, on the first stage of a ramp, and no user notices', {
  skip: process.env['LANE_SHIELD'] === undefined && 'LANE_SHIELD is not set: it is a whole run of its own, for most of a minute',
}, async (t) => {
  const room = await openRoom();
  t.teardown(() => room.leave());
  const house = await paymentsHouse(room);
  const slice = 'slice: { mode: shield, ramp: [{ share: 10%, requests: 1000000 }] }\n';
  const file = await house.write('shielded', {
    manifest: await manifestOf('slow', 'shielded'),
    experiment: experimentOf('shielded', keysAway, 40, slice),
  });
  const { address } = await house.client.deploy(file.replace('experiment.yaml', 'service.yaml'));
  const load = await house.load(address, 100);
  const run = await (await startRun(house.client, file)).ended;
  const users = await load.stop();
  const { blocks } = await house.client.evidence(run.id);
  const shielded = blocks.reduce((sum, block) => sum + (block.shielded?.experiment ?? 0), 0);
  const record = run.facts.verdict?.record;
  t.equal(run.facts.verdict?.verdict, 'vulnerable', run.facts.verdict?.headline ?? '');
  t.ok(shielded > 0, `${shielded} failures were answered by production`);
  t.equal(record?.budget.spent, 0, 'nothing was charged');
  t.match(users, { failed: 0, lost: 0 }, `${users.sent} requests of users`);
});
