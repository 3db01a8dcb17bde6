import { test } from 'tap';
import { attacks, bytesOf, check } from '../test/attack.ts';
import { recordingUpstream } from '../test/recording-upstream.ts';
import { stand } from '../test/stand.ts';
import { StrictReader } from '../test/strict-reader.ts';

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

test('the reader at the service takes what is sound and nothing else', async (t) => {
  const reads = (raw: string) => {
    const reader = new StrictReader();
    try {
      reader.push(Buffer.from(bytesOf(raw), 'latin1'));
      let count = 0;
      while (reader.take()) count += 1;
      return count;
    } catch {
      return 'ambiguous';
    }
  };
  for (const { name, raw, sees } of attacks.filter(({ holds }) => holds === 'forwarded')) t.equal(reads(raw), sees?.length, name);
  const doubted = attacks.filter(({ holds, raw }) => holds === 'refused' && reads(raw) === 'ambiguous').length;
  t.ok(doubted > 100, `it would have noticed ${doubted} of the attacks, had they passed as they are`);
});
