import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Block, Criteria, Evidence, Phase, Run } from '@haldane/core';
import { canonicalJson, emptyProbeTally } from '@haldane/core';
import { judgedFactsOf, rejudge } from '@haldane/judge';
import { type Bundle, bundleOf, keyIdOf, opened, sealed, statementOf } from '@haldane/reports';
import { sampleExperiment } from '@haldane/testkit';
import { test } from 'tap';
import { verified } from './bundle-commands.ts';
import { program, type Terminal } from './program.ts';

const ours = generateKeyPairSync('ed25519');
const another = generateKeyPairSync('ed25519');
const commit = 'd20ace7968ba43c0219f62d71334c1095bab1602';
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** An audit log of four, of which the first and the third are about the run. */
function auditOf(): Bundle['audit'] {
  let prev = '0'.repeat(64);
  return ['run r1', 'run r2', 'run r1', 'team secrets'].map((to, index) => {
    const [seq, at] = [index + 1, 1_000 + index];
    const body = canonicalJson({ who: 'ada', did: 'abortRun', to });
    const hash = sha256(`${prev}\n${seq}\n${at}\n${sha256(body)}`);
    const entry = { seq, at, body, prev, hash };
    prev = hash;
    return to === 'run r1' ? entry : { seq, at, digest: sha256(body), hash };
  });
}

/** A short run and what it came to. */
function bundle(): Bundle {
  const experiment = sampleExperiment();
  const criteria: Criteria = { spec: experiment, act: 'change', contactUnit: 'dependency-call', timeConstantSeconds: 0, changes: 1 };
  const tally = { requests: 40, failures: 0, classes: [40, 0, 0, 0, 0, 0, 0, 0] };
  const probed = { ...emptyProbeTally, sent: 5, classes: [5, 0, 0, 0, 0, 0, 0, 0], accepted: 5 };
  const both = <T>(one: T) => ({ control: one, experiment: one });
  const block = (phase: Phase, at: number): Block => ({
    at,
    phase,
    real: { production: tally, ...both(tally) },
    keys: both(0),
    failedKeys: both(0),
    switched: 0,
    dependencyCalls: both(1),
    met: { control: 0, experiment: phase === 'baseline' ? 0 : 20 },
    budget: { spent: 0, cap: 1000, credit: 0 },
    narrowed: false,
    latency: both([]),
    legitimate: both(probed),
    hostile: both(emptyProbeTally),
    healthy: both(1),
  });
  const evidence: Evidence = {
    blocks: [block('baseline', 1), block('proving', 2), block('observing', 3)],
    checks: [{ name: 'effect', at: 2000, passed: true, seen: '503' }],
    accepts: [],
    alerts: [],
    features: [],
    marks: [],
    effectAt: 2000,
    instances: both(['i']),
  };
  const facts = {
    deployment: { commit, revision: 'v7' },
    injectedAt: 2000,
    restored: { at: 4000, clean: true, stuck: [], superseded: [] },
  };
  const run = { ...experiment, id: 'r1', experiment, phase: 'done', stop: null, abortAsked: null, facts, version: 9, createdAt: 900 };
  const ended = run as unknown as Run;
  const verdict = rejudge(criteria, evidence, judgedFactsOf(ended));
  return {
    format: 'haldane-bundle/1',
    report: { format: 'haldane-report/1', run: { ...ended, facts: { ...ended.facts, verdict } }, criteria, evidence, journal: [] },
    events: [{ runId: 'r1', seq: 1, at: 900, type: 'created', data: { service: 'payments' } }],
    audit: auditOf(),
  };
}
const made = bundle();
const text = sealed(statementOf(made), ours.privateKey);
const check = (given: string, keys: readonly KeyObject[] = [ours.publicKey]) => verified(given, keys, []);

test('a bundle says what was tested, what came of it, and that this follows from the evidence', async (t) => {
  const lines = check(text, [another.publicKey, ours.publicKey]);
  t.match(lines.join('\n'), new RegExp(`signed by key ${keyIdOf(ours.publicKey)}`));
  t.match(lines.join('\n'), /2 entries about this run, in a chain up to entry 4/);
  t.match(lines.at(-1), /^verdict: inconclusive, the same when derived again from the evidence: /);
  const statement = JSON.parse(opened(text, [ours.publicKey]).statement);
  t.match(statement, {
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://in-toto.io/attestation/test-result/v0.1',
    subject: [{ digest: { gitCommit: commit } }, { digest: { sha256: sha256(canonicalJson(made.report)) } }],
    predicate: { result: 'WARNED', passedTests: [], warnedTests: [made.report.run.experiment.name], failedTests: [] },
  });
  t.equal(sealed(statementOf(bundle()), ours.privateKey), text, 'and the same run gives the same bytes');
});

test('one byte changed, whichever it is, is found', async (t) => {
  const bytes = Buffer.from(text);
  const unfound: number[] = [];
  const inPayload = (at: number) => at > 20 && at < text.lastIndexOf('payloadType') - 10;
  for (let at = 0; at < bytes.length; at += 1) {
    // Inside of what is signed one byte is like another.
    if (inPayload(at) && at % 5 !== 0 && process.env['LANE'] !== 'full') continue;
    const changed = Buffer.from(bytes);
    // Any other value: which one is drawn by the place, so that a failure can be made again.
    changed[at] = (bytes[at] as number) ^ (1 + (Number.parseInt(sha256(`${at}`).slice(0, 4), 16) % 255));
    try {
      check(changed.toString());
      unfound.push(at);
    } catch (error) {
      if ((error as { code?: string }).code !== 'bad-document') throw error;
    }
  }
  t.ok(bytes.length > 5_000);
  t.same(unfound, []);
});

test('what is cut off, unsigned, signed by another, or something else is said to be', async (t) => {
  const envelope = JSON.parse(text) as { payload: string; payloadType: string; signatures: { keyid: string; sig: string }[] };
  const line = (value: object) => `${canonicalJson(value)}\n`;
  const elsewhere = sealed(statementOf(made), another.privateKey);
  const [signature = { keyid: '', sig: '' }] = envelope.signatures;
  const { keyid, sig } = signature;
  for (const [given, words] of [
    [text.slice(0, -100), /no JSON: it was cut off/],
    ['', /no JSON/],
    ['null', /no DSSE envelope/],
    [canonicalJson(made.report), /no DSSE envelope/],
    [line({ ...envelope, signatures: [] }), /it is not signed/],
    [line({ ...envelope, signatures: [signature, signature] }), /there are 2; Haldane signs once/],
    [line({ ...envelope, signatures: [null] }), /each is a keyid and a sig/],
    [line({ ...envelope, payloadType: 'application/json' }), /payloadType: it is "application\/json"/],
    [line({ ...envelope, payload: Buffer.from('{}').toString('base64') }), /the signature is not of these bytes/],
    [elsewhere, new RegExp(`key ${keyIdOf(another.publicKey)} signed it, which is not among those given`)],
    [`${JSON.stringify(envelope, null, 2)}\n`, /not in the form that Haldane writes/],
    [line({ ...envelope, signatures: [{ keyid, sig: sig.replace(/=+$/, '') }] }), /not in the form that Haldane writes/],
  ] as const)
    t.throws(() => check(given), { code: 'bad-document', message: words });
  t.throws(() => check(text, []), { message: /not among those given \(none\)/ });
});

test('a good signature is not enough: what was signed must hold together', async (t) => {
  const again = (statement: string) => check(sealed(statement, ours.privateKey));
  const statement = statementOf(made);
  t.doesNotThrow(() => again(statement));
  t.throws(() => again('{'), { code: 'bad-document', message: /no JSON/ });
  t.throws(() => again('null'), { code: 'bad-document', message: /another kind of statement/ });
  t.throws(() => again(statement.replace('haldane-bundle/1', 'haldane-bundle/2')), {
    message: /it is haldane-bundle\/2; this Haldane reads/,
  });
  t.throws(() => again(statement.replace('"result":"WARNED"', '"result":"PASSED"')), { message: /something else than what follows/ });
  t.throws(() => again(statement.replace(commit, commit.replace('d', 'e'))), { message: /something else than what follows/ });
  const other = (bent: Partial<Bundle>) => again(statementOf({ ...made, ...bent }));
  const { report, audit } = made;
  const [first, second, third, fourth] = audit as unknown as [{ body: string }, object, object, object];
  t.throws(() => other({ audit: [first, third, fourth] as never }), { message: /after audit entry 1 comes 3/ });
  t.throws(() => other({ audit: [{ ...first, body: first.body.replace('ada', 'eve') }, second] as never }), {
    message: /entry 1 was changed/,
  });
  t.throws(() => other({ audit: [first, { ...second, digest: sha256('?') }] as never }), { message: /entry 2 does not stand/ });
  const blocks = report.evidence.blocks.slice(0, 2);
  t.throws(() => other({ report: { ...report, evidence: { ...report.evidence, blocks } } }), {
    message: /does not follow from this evidence/,
  });
  const { run } = report;
  const verdict = run.facts.verdict as NonNullable<typeof run.facts.verdict>;
  const bettered = { ...run, facts: { ...run.facts, verdict: { ...verdict, verdict: 'resilient' as const } } };
  t.throws(() => other({ report: { ...report, run: bettered } }), { message: /\(resilient\) does not follow/ });
  const older = { ...run, facts: { ...run.facts, verdict: { ...verdict, record: { ...verdict.record, judge: 'haldane-0' } } } };
  t.throws(() => other({ report: { ...report, run: older } }), { message: /made by judge haldane-0 .* a Haldane of that time/ });
  const { verdict: _none, ...unjudged } = run.facts;
  const refused = { ...run, stop: { reason: 'refused' as const, why: 'not opted in', at: 1 }, facts: unjudged };
  const lines = check(sealed(statementOf({ ...made, report: { ...report, run: refused } }), ours.privateKey));
  t.equal(lines.at(-1), 'verdict: none (refused: not opted in)');
  t.throws(() => verified(text, [ours.publicKey], [{ seq: 4, hash: sha256('?') }]), { message: /not the one that was published/ });
  t.equal(bundleOf(statement).audit.length, 4);
});

test('a report whose verdict an older judge made is not called forged', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'haldane-report-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'report.json');
  const judgedAgain = async (report: Bundle['report']) => {
    await writeFile(path, JSON.stringify(report));
    const out = new PassThrough();
    let code = 0;
    const terminal = { out, err: out, config: () => t.fail('it asks nobody') } as unknown as Terminal;
    await program(terminal, (it) => (code = it)).parseAsync(['report', '--recompute', path], { from: 'user' });
    return { code, text: String(out.read()) };
  };
  const { report } = bundle();
  const verdict = report.run.facts.verdict as NonNullable<typeof report.run.facts.verdict>;
  const storedAs = (stored: typeof verdict) => ({ ...report, run: { ...report.run, facts: { ...report.run.facts, verdict: stored } } });
  t.match(await judgedAgain(report), { code: 0, text: /the same verdict, number by number/ });
  const bettered = await judgedAgain(storedAs({ ...verdict, verdict: 'resilient' }));
  t.match(bettered, { code: 4, text: /RECOMPUTED DIFFERENTLY/ });
  const older = await judgedAgain(storedAs({ ...verdict, record: { ...verdict.record, judge: 'haldane-1' } }));
  t.match(older, { code: 4, text: /made by judge haldane-1 and this Haldane has haldane-2: check it with a Haldane of that time/ });
  t.notMatch(older.text, /DIFFERENTLY/);
});

test('whoever has openssl can check the signature without Haldane', {
  skip: !hasOpenssl() && 'there is no openssl here',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'haldane-bundle-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const { payload, payloadType, signatures } = JSON.parse(text);
  const body = Buffer.from(payload, 'base64');
  const pem = createPublicKey(ours.privateKey).export({ type: 'spki', format: 'pem' });
  await writeFile(join(folder, 'key.pub'), pem);
  await writeFile(join(folder, 'signature'), Buffer.from(signatures[0].sig, 'base64'));
  const message = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${body.length} `), body]);
  const say = async (bytes: Buffer) => {
    await writeFile(join(folder, 'message'), bytes);
    const args = ['pkeyutl', '-verify', '-pubin', '-inkey', 'key.pub', '-rawin', '-in', 'message', '-sigfile', 'signature'];
    return execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  };
  t.match(await say(message), /Signature Verified Successfully/);
  message[message.length - 1] = 0;
  await t.rejects(say(message));
});

/** One that knows Ed25519. */
function hasOpenssl(): boolean {
  try {
    return /^OpenSSL 3/.test(execFileSync('openssl', ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return false;
  }
}
