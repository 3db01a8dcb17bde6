import { createHash } from 'node:crypto';
import { checkChain, checkExcerpt } from '@haldane/client';
import type { Act, AuditEntry, AuditHead } from '@haldane/core';
import { sampleRun } from '@haldane/testkit';
import { after, type Test, test } from 'tap';
import { openStore } from './open-store.ts';
import { startTestDatabase, type TestCopy } from './testing/start-test-database.ts';

const database = await startTestDatabase();
after(() => database.stop());

function storeTest(name: string, body: (t: Test, copy: TestCopy) => Promise<void>) {
  return test(name, async (t) => {
    const copy = await database.copy();
    await body(t, copy).finally(() => copy.close());
  });
}

const act = (detail: Act['detail']): Act => ({
  who: 'ada',
  token: 't1',
  from: '127.0.0.1',
  did: 'abortRun',
  to: 'run r1',
  outcome: 'allowed',
  code: null,
  detail,
});

async function* chain(copy: TestCopy): AsyncGenerator<AuditEntry> {
  yield* await copy.store.audit.read(0, 1_000);
}

storeTest(
  'writers at the same moment, in two processes’ stead, make one chain without a fork or a gap, and publish its heads',
  async (t, copy) => {
    const heads: AuditHead[] = [];
    const second = await openStore({ ...copy.address, onAudit: (head) => heads.push(head) });
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? copy.store : second).audit.append(act({ n, why: 'ünï\n"\u0000"' }))),
    );
    await second.close();
    t.equal(heads.length, 30);
    t.match(await checkChain(chain(copy), heads), { entries: 60, wrong: null });
    t.same(await copy.store.audit.head(), { seq: 60, hash: (await copy.store.audit.read(59, 1))[0]?.hash });
  },
);

storeTest('no entry can be changed or taken away, and a single changed byte is found by whoever gets round that', async (t, copy) => {
  for (const n of [1, 2, 3, 4]) await copy.store.audit.append(act({ n }));
  const published = [(await copy.store.audit.head()) as AuditHead];
  for (const statement of [
    `update audit set body = '{}'`,
    'delete from audit where seq = 4',
    'truncate audit',
    `update audit set hash = hash where seq = 1`,
  ])
    await t.rejects(copy.query(statement), /audit is append-only/, statement);
  t.match(await checkChain(chain(copy), published), { wrong: null });

  await copy.query('alter table audit disable trigger all');
  const whole = await copy.query('select * from audit order by seq');
  const restored = async (statement: string) => {
    await copy.query(statement);
    const { wrong } = await checkChain(chain(copy), published);
    await copy.query('delete from audit');
    for (const row of whole)
      await copy.query('insert into audit values ($1, $2, $3, $4, $5)', [row['seq'], row['at'], row['body'], row['prev'], row['hash']]);
    return wrong;
  };
  t.match(await restored(`update audit set body = replace(body, 'ada', 'adb') where seq = 2`), /entry 2 was changed/);
  t.match(await restored('update audit set at = at + 1 where seq = 3'), /entry 3 was changed/);
  t.match(await restored(`update audit set hash = reverse(hash) where seq = 1`), /entry 1 was changed/);
  t.match(await restored(`update audit set prev = reverse(prev) where seq = 2`), /entry 2 does not stand on entry 1/);
  t.match(await restored('delete from audit where seq = 2'), /entry 2 is missing/);
  t.match(await restored('delete from audit where seq = 4'), /its tail is gone/);
  t.match(
    await restored(`delete from audit where seq = 4; select append_audit('{}')`),
    /entry 4 is not the one that was published/,
    'a tail that was written anew',
  );
  t.match(await checkChain(chain(copy), published), { wrong: null });
});

storeTest(
  'what the log has about a run can be handed out and checked, with nothing of what others did, also when the log is older than that',
  async (t, copy) => {
    const { audit, runs, deploys } = copy.store;
    await runs.create({ ...sampleRun('payments', 'pipe/1:2'), id: 'r1' });
    const stage = { asked: { service: 'payments', environment: 'test' }, rule: 'stages', who: 'ci', unattendedMs: null };
    await deploys.holdStage({ ...stage, ref: 'pipe/1' });
    t.same(await audit.excerpt({ run: 'r1', service: 'payments', environment: 'test', from: 0, until: 1 }), [], 'an empty log');
    const on = (to: string, why: string) => audit.append({ ...act({ why }), to });
    // As an older Haldane wrote it: hashed over its words themselves.
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    const zeros = '0'.repeat(64);
    let prev = zeros;
    const began = Date.now() - 10_000;
    for (const [n, to] of ['service payments in test', 'everything'].entries()) {
      const body = JSON.stringify({ detail: { why: n === 0 ? 'begun' : 'OTHERS' }, to });
      const hash = sha256(`${prev}\n${n + 1}\n${began}\n${body}`);
      await copy.query('insert into audit values ($1, $2, $3, $4, $5)', [n + 1, began, body, prev, hash]);
      prev = hash;
    }
    const { at } = await on('service payments in live', 'OTHERS');
    await on('run r1', 'stopped');
    await on('run r10', 'OTHERS');
    await audit.append({ ...act({ to: 'run r1', why: 'OTHERS' }), to: 'run \u0000' });
    await on('service payments in test', 'begun again');
    // As the database itself writes one, in a pool's name.
    await copy.query('select append_audit($1)', ['{"to": "run r1", "detail": {"why": "stopped again"}}']);
    await on('the run with the key pipe/1', 'aborted by its stage');
    await on('the stage pipe/1', 'aborted again');
    await on('the run with the key pipe/10', 'OTHERS');
    await audit.append({ ...act({ why: 'all stopped' }), did: 'halt', to: 'nothing' });
    const head = await on('nothing', 'OTHERS');
    t.match(await checkChain(chain(copy), []), { entries: 13, wrong: null }, 'entries of both kinds make one chain');

    const of = { run: 'r1', service: 'payments', environment: 'test', from: began, until: Number.MAX_SAFE_INTEGER };
    const excerpt = await audit.excerpt(of);
    t.same(
      excerpt.map((entry) => ('body' in entry ? (JSON.parse(entry.body) as Act).detail['why'] : null)),
      [
        'begun',
        null,
        null,
        'stopped',
        null,
        null,
        'begun again',
        'stopped again',
        'aborted by its stage',
        'aborted again',
        null,
        'all stopped',
        null,
      ],
    );
    t.notMatch(JSON.stringify(excerpt), /OTHERS/);
    t.equal(excerpt.at(-1)?.hash, head.hash);
    t.equal(checkExcerpt(excerpt, [head]), null);
    for (const [n, entry] of excerpt.entries())
      for (const bent of [
        { hash: zeros },
        { seq: 77 },
        ...('body' in entry ? [{ at: 0 }, { body: '{}' }, { body: sha256(entry.body) }] : []),
      ]) {
        const changed = excerpt.map((one, index) => (index === n ? { ...one, ...bent } : one));
        t.not(checkExcerpt(changed as typeof excerpt, [head]), null, `entry ${n} with ${JSON.stringify(bent)}`);
      }
    t.match(checkExcerpt(excerpt.slice(0, 2).concat(excerpt.slice(3))), /after audit entry 2 comes 4/);
    const byDigest = excerpt.map((entry) => ('digest' in entry ? entry.digest !== null : null));
    t.same(
      byDigest,
      [null, false, true, null, true, true, null, null, null, null, true, null, true],
      'an older entry has no digest in its hash',
    );
    for (const [n, linked] of byDigest.entries())
      for (const bent of linked ? [{ at: 0 }, { digest: zeros }] : [])
        t.match(checkExcerpt(excerpt.map((one, index) => (index === n ? { ...one, ...bent } : one))), /does not stand on the one before/);

    async function* erased() {
      for await (const entry of chain(copy)) yield entry.seq === 4 ? { ...entry, body: sha256(entry.body) } : entry;
    }
    t.match(await checkChain(erased(), []), { wrong: /entry 4 was changed/ }, 'its own digest is no words');

    const later = await audit.excerpt({ ...of, until: at - 1 });
    t.ok(
      later.length === 13 && later.every((entry) => !('body' in entry) || !/begun again|all stopped/.test(entry.body)),
      'of the service while the run went on',
    );
    t.same(await audit.excerpt({ ...of, run: 'r2', service: 'other', until: 0 }), [
      { seq: 13, at: head.at, digest: sha256(head.body), hash: head.hash },
    ]);
  },
);

storeTest('a halt stops every run and lets none slip through that begins at the same moment', async (t, { store: { runs, halt } }) => {
  const codes = await Promise.all([
    ...Array.from({ length: 12 }, (_, n) =>
      runs.create(sampleRun(`service-${n}`, `key-${n}`)).then(
        () => 'began',
        (error: { code: string }) => error.code,
      ),
    ),
    halt.halt('enough', 'ada').then(() => 'halted by ada'),
  ]);
  t.ok(codes.every((code) => ['began', 'halted', 'halted by ada'].includes(code)));
  const begun = await runs.list(100);
  t.equal(begun.length, codes.filter((code) => code === 'began').length);
  for (const run of begun) t.match(run, { abortAsked: 'enough', abortReason: 'halted' });
  await t.rejects(runs.create(sampleRun('another')), { code: 'halted', message: /halted: enough; an admin of all teams lifts it/ });
  const first = begun[0];
  if (first) {
    const key = `key-${first.service.slice('service-'.length)}`;
    t.equal((await runs.create({ ...sampleRun(first.service, key) })).id, first.id, 'what began before is found by its key');
  }
  t.match(await halt.get(), { halted: true, why: 'enough', by: 'ada' });
  t.equal(await halt.halt('again', 'bob'), 0);
  await halt.lift('over', 'bob');
  t.equal((await runs.create(sampleRun('another'))).phase, 'planning');
});

storeTest('a login opens once, and an experiment has a version for each text', async (t, { store: { tokens, experiments } }) => {
  const soon = Date.now() + 60_000;
  t.same(await Promise.all([1, 2, 3].map(() => tokens.useOnce('digest', soon))).then((all) => all.sort()), [false, false, true]);
  t.equal(await tokens.useOnce('another', soon), true);
  const { experiment } = sampleRun();
  const versions = await Promise.all(
    [experiment, experiment, { ...experiment, fault: !experiment.fault }].map((one) => experiments.keep(one, 'ada')),
  );
  t.equal(versions[0]?.version, versions[1]?.version, 'the same text is the same version');
  t.same(
    (await experiments.versions(experiment, experiment.name)).map(({ version }) => version),
    [2, 1],
  );
  t.same(
    (await experiments.newest([experiment])).map(({ version }) => version),
    [2],
  );
  t.same(await experiments.newest([{ service: 'other', environment: 'test' }]), []);
});

storeTest(
  'a stage is held once, is looked at anew when its abort is asked for, which may come first, and ends when nobody asks after it',
  async (t, { store, letPass }) => {
    const { deploys, runs } = store;
    const stage = { ref: 'spinnaker:01H:canary', rule: 'stages of here', asked: { n: 1 }, who: 'spinnaker', unattendedMs: 10_000 };
    const both = await Promise.all([deploys.holdStage(stage), deploys.holdStage({ ...stage, asked: { n: 2 } })]);
    t.same(both[0]?.asked, both[1]?.asked, 'the first counts');
    t.match(await deploys.stage(stage.ref), { id: `stage:${stage.ref}`, abortAsked: null });
    t.equal(await deploys.stage('another'), null);
    t.same(await deploys.ofOtherRules(['acme/payments production']), [], 'a stage is no deploy without a rule');
    t.equal(await runs.forestall(stage.ref, 'spinnaker', 'enough'), null);
    t.match(await deploys.take([stage.rule], 60_000), { looks: 1, abortAsked: null }, 'what is held is not forestalled');
    await deploys.abortStage(stage.ref, 'enough');
    await deploys.abortStage(stage.ref, 'once more');
    t.match(await deploys.take([stage.rule], 60_000), { looks: 2, abortAsked: 'enough' }, 'at once, though somebody looks');
    t.equal(await deploys.settle({ id: `stage:${stage.ref}`, looks: 1 }, { state: 'waiting', againMs: 0, progress: {} }), false);
    await deploys.settle({ id: `stage:${stage.ref}`, looks: 2 }, { state: 'answered', why: 'ABORTED' });
    await deploys.abortStage(stage.ref, 'too late');
    t.equal(await deploys.take([stage.rule], 60_000), null);

    const late = { ...stage, ref: 'spinnaker:02H:canary' };
    t.equal(await runs.forestall(late.ref, 'spinnaker', 'given up'), null);
    t.equal(await runs.forestall(late.ref, 'somebody else', 'a guess'), null);
    t.match(await deploys.holdStage(late), { abortAsked: 'given up' });
    t.match(await deploys.holdStage({ ...stage, ref: 'spinnaker:03H:canary', who: 'another' }), { abortAsked: null });
    await letPass(9_000);
    await deploys.stageAttended('spinnaker:03H:canary');
    await letPass(9_000);
    await deploys.take([stage.rule], 1_000);
    t.match(await deploys.take([stage.rule], 1_000), { id: 'stage:spinnaker:03H:canary', abortAsked: null });
    await letPass(2_000);
    await deploys.take([stage.rule], 1_000);
    t.match(await deploys.take([stage.rule], 1_000), { id: 'stage:spinnaker:03H:canary', abortAsked: 'nobody asked after it for 10 s' });
  },
);

storeTest(
  'a deploy that waits is with one at a time, says what became of it in that look alone, and is never held twice',
  async (t, { store, letPass }) => {
    const { deploys } = store;
    const deploy = { id: 'github:acme/payments:1', rule: 'acme/payments production', asked: { words: 'a \u0000 and half a pair \ud800' } };
    t.same(await Promise.all([1, 2, 3].map(() => deploys.hold(deploy))).then((all) => all.sort()), [false, false, true]);
    t.equal(await deploys.take(['acme/payments staging'], 1_000), null, 'another rule');
    const rules = [deploy.rule];
    const taken = (await Promise.all([1, 2, 3].map(() => deploys.take(rules, 1_000)))).filter((one) => one !== null);
    t.match(taken, [{ id: deploy.id, looks: 1, failures: 0, progress: {} }]);
    t.equal(taken.length, 1);
    await letPass(1_000);
    const second = await deploys.take(rules, 1_000);
    t.match(second, { looks: 2 });
    const first = { id: deploy.id, looks: 1 };
    t.equal(await deploys.settle(first, { state: 'answered', why: 'late' }), false, 'whoever fell asleep says nothing any more');
    const failed = { state: 'failed', againMs: 5_000, why: 'nobody \u0000 there' } as const;
    t.equal(await deploys.settle({ id: deploy.id, looks: 2 }, failed), true);
    t.equal(await deploys.take(rules, 1_000), null, 'not yet');
    await letPass(5_000);
    t.match(await deploys.take(rules, 1_000), { looks: 3, failures: 1, progress: {} });
    await deploys.settle({ id: deploy.id, looks: 3 }, { state: 'waiting', againMs: 0, progress: { said: ['one'] } });
    t.match(await deploys.take(rules, 1_000), { looks: 4, failures: 0, progress: { said: ['one'] } });
    t.equal(await deploys.settle({ id: deploy.id, looks: 4 }, { state: 'answered', why: 'approved' }), true);
    await letPass(1_000_000);
    t.equal(await deploys.take(rules, 1_000), null);
    t.equal(await deploys.hold(deploy), false, 'also when it was answered');
  },
);
