import { test } from 'tap';
import { attacks, check } from '../test/attack.ts';
import { recordingUpstream } from '../test/recording-upstream.ts';
import { stand } from '../test/stand.ts';

test('nothing that two readers can read differently passes a front door', async (t) => {
  t.ok(attacks.length >= 80, `${attacks.length} cases`);
  const { client } = await stand(t);
  const instance = await recordingUpstream(t);
  const { port } = await client.putRoute({ route: 'pay', port: 0, production: [instance.url] });
  for (const each of attacks) t.same(await check(port, instance, each), [], `${each.name} (${each.source})`);
});

test('nor a dependency proxy', async (t) => {
  const { client } = await stand(t);
  const instance = await recordingUpstream(t);
  const { port } = await client.putProxy({
    proxy: 'p',
    runId: 'r1',
    arm: 'experiment',
    dependency: 'idp',
    as: 'http',
    target: instance.url,
    until: Date.now() + 600_000,
  });
  for (const { brings: _where, ...each } of attacks.filter(({ frontDoorOnly }) => !frontDoorOnly))
    t.same(await check(port, instance, each), [], `${each.name} (${each.source})`);
});
