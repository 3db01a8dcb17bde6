import { test } from 'tap';
import { bombard, hostileBytes } from '../../services/router/test/fuzz.ts';
import { recordingUpstream } from '../../services/router/test/recording-upstream.ts';
import { stand, until } from '../../services/router/test/stand.ts';

// FUZZ_SEED repeats a run; `npm run fuzz` takes a new seed and a minute.
const seconds = Number(process.env['FUZZ_SECONDS'] ?? 0);
const seed = Number(process.env['FUZZ_SEED'] ?? (seconds > 0 ? Date.now() % 2 ** 32 : 7));
const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;

test(`whatever a hostile client sends, nothing ambiguous is sent on and nobody else is hurt (FUZZ_SEED=${seed})`, async (t) => {
  const { client } = await stand(t);
  const instance = await recordingUpstream(t);
  const { port } = await client.putRoute({ route: 'pay', port: 0, production: [instance.url] });
  const before = sockets();
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  for (const bytes of hostileBytes(seed)) {
    const problems = await bombard(port, instance, bytes);
    if (problems.length > 0) {
      t.same(problems, [], `attack ${sent} of seed ${seed}: ${JSON.stringify(bytes)}`);
      break;
    }
    sent += 1;
    if (seconds > 0 ? performance.now() > end : sent >= 500) break;
  }
  t.comment(`${sent} attacks, ${instance.requests.length} requests at the service`);
  t.ok(instance.requests.length > sent, 'the victims, at least, were served');
  await until(() => sockets() <= before + 20, 'connections of attackers are not kept');
});
