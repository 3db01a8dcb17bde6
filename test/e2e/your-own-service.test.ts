import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseReport, recompute } from '@haldane/reports';
import { inventory } from '@haldane/standalone';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { haldane } from '../testing/haldane.ts';
import { openRoom } from '../testing/room.ts';

const require = createRequire(import.meta.url);
allowSeconds(240);
const project = fileURLToPath(new URL('../../', import.meta.url));
const experiment = join(project, 'examples/your-own-service/forged.yaml');
const room = await openRoom();
after(() => room.leave());

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

test('the server is one from npm that knows nothing of us', async (t) => {
  const entry = require.resolve('oauth2-mock-server');
  const { license } = JSON.parse(await readFile(join(entry, '../../package.json'), 'utf8')) as { license: string };
  t.equal(license, 'MIT');
});

test('following docs/your-own-service.md finds what is wrong with somebody else’s server, and leaves nothing', async (t) => {
  const dataDir = join(room.folder, 'data');
  const output = join(room.folder, 'report.json');
  const env = {
    PATH: process.env['PATH'],
    HOME: room.folder,
    HALDANE_DATA: dataDir,
    IDENTITY_MOCK_PORT: `${await freePort()}`,
    IDENTITY_MOCK_SECRET: 'anything',
  };
  const plan = haldane(['plan', experiment], env, project);
  const planned = await plan.outcome;
  t.match(planned.out + planned.err, /identity-mock does not run on this machine/, 'a plan starts nothing, and says so');

  const run = haldane(['run', experiment, '--report', 'json', '--output', output], env, project);
  room.onLeave(async () => run.child.kill('SIGINT'));
  const { code, err } = await run.outcome;
  t.equal(code, 1, err);
  const text = await readFile(output, 'utf8');
  const report = parseReport(text);
  const { verdict, restored } = report.run.facts;
  t.equal(verdict?.verdict, 'vulnerable');
  t.equal(verdict?.held.mark, 'no');
  t.equal(report.run.stop?.reason, 'breach');
  t.equal(restored?.clean, true);
  t.match(verdict?.headline, /older than the change/);
  t.ok(
    report.evidence.accepts.every((accept) => accept.confirmation === 'accepted'),
    'control let the same token in',
  );
  t.ok(recompute(text).same);
  t.same(await inventory({ dataDir }), ['no router']);
});

test('the document names the files that were run here, and every field in them', async (t) => {
  const doc = await readFile(join(project, 'docs/your-own-service.md'), 'utf8');
  for (const file of ['examples/your-own-service/service.yaml', 'examples/your-own-service/forged.yaml']) {
    t.ok(doc.includes(file), file);
    const yaml = await readFile(join(project, file), 'utf8');
    for (const [, field] of yaml.matchAll(/^([a-z][A-Za-z]*):/gm)) t.ok(doc.includes(`\`${field}\``), `${field} is explained`);
  }
});

test('nothing that was started here is still running', async (t) => {
  t.same(await room.leave(), []);
});
