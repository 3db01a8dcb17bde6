import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Touch } from '@haldane/core';
import { test } from 'tap';
import { gitRevision } from '../manifest/git-revision.ts';
import { diffSince, Repository } from './index.ts';
import { touchOfPath } from './touch-of-path.ts';
import { touchesOfText } from './touches-of-text.ts';

const signal = AbortSignal.timeout(600_000);

/** A repository that grows by commits of whole files; null removes one. */
async function repositoryIn(folder: string) {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...args], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder },
    }).trim();
  git('init', '-q');
  return {
    git,
    commit: async (files: Readonly<Record<string, string | null>>) => {
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(folder, path)), { recursive: true });
        if (text === null) await rm(join(folder, path));
        else await writeFile(join(folder, path), text);
      }
      git('add', '-A');
      git('commit', '-qm', 'a change');
      return git('rev-parse', 'HEAD');
    },
  };
}

const lock = (versions: Readonly<Record<string, readonly [version: string, dev?: true]>>) =>
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { version: '1.0.0' },
      ...Object.fromEntries(
        Object.entries(versions).map(([name, [version, dev]]) => [`node_modules/${name}`, { version, ...(dev ? { dev } : {}) }]),
      ),
    },
  });

test('a difference is read from the repository: what a deploy takes along, by kind, with the packages that changed', async (t) => {
  const { commit, git } = await repositoryIn(t.testdir());
  const first = await commit({
    'package-lock.json': lock({ jose: ['6.1.0'], tap: ['21.0.0', true] }),
    'src/app.ts': '1',
    'other/app.ts': '1',
    'README.md': '1',
    'infra/main.tf': 'resource "aws_security_group" "a" {\n}\n',
  });
  git('tag', 'v1');
  const docs = await commit({ 'README.md': '2', 'docs/a/b.md': 'x', 'src/app.test.ts': 'x', 'test/e2e/app.ts': 'x' });
  const rest = await commit({
    'package-lock.json': lock({ jose: ['6.2.0'], tap: ['21.1.0', true], express: ['5.0.0'] }),
    'src/app.ts': null,
    'src/\u0001odd\n.ts': 'moved',
    'infra/main.tf': 'resource "aws_security_group" "a" {\n  name = "b"\n}\n',
  });
  const repository = await Repository.open({ folder: t.testdirName }, signal);
  t.same(await diffSince(repository, first, docs, signal), { since: first, touched: [] });
  t.same(await diffSince(repository, first, first, signal), { since: first, touched: [] });
  const { touched } = await diffSince(repository, 'v1', rest, signal);
  t.same(
    [...(touched ?? [])].sort((a, b) => (a.touch < b.touch ? -1 : 1)),
    [
      { touch: 'build', count: 1, says: ['package-lock.json: tap 21.0.0 → 21.1.0'] },
      { touch: 'code', count: 2, says: ['src/?odd?.ts', 'src/app.ts'] },
      { touch: 'dependencies', count: 1, says: ['package-lock.json: jose 6.1.0 → 6.2.0, express new → 5.0.0'] },
      { touch: 'network', count: 1, says: ['infra/main.tf'] },
    ],
  );
  const part = await Repository.open({ folder: join(t.testdirName, 'src'), paths: ['other'] }, signal);
  t.same((await diffSince(part, first, rest, signal)).touched, [], 'the rest of the repository is not the service');
  await commit({ 'other/app.ts': '2' });
  t.match((await diffSince(part, first, await part.commit('HEAD', signal), signal)).touched, [{ touch: 'code', says: ['other/app.ts'] }]);
});

test('what the repository does not hold nobody can tell, and no name is taken for an option or a moving one', async (t) => {
  const { commit, git } = await repositoryIn(t.testdir());
  const one = await commit({ a: '1' });
  const two = await commit({ a: '2' });
  git('branch', 'test', one);
  const repository = await Repository.open({ folder: t.testdirName }, signal);
  const names = [
    '0'.repeat(40),
    `${one}+dirty.12345678`,
    'content.123456789abc',
    'test',
    '--all',
    '--output=owned',
    '-x',
    '',
    'a..b',
    'a\nb',
    'HEAD',
  ];
  for (const name of names) t.same(await diffSince(repository, name, two, signal), { since: name, touched: null }, JSON.stringify(name));
  for (const name of ['--all', '--output=owned', '-x', '', `${one}..${two}`, `^${one}`, 'nothing', `${one}:a`])
    await t.rejects(repository.commit(name, signal), { code: 'not-found' }, JSON.stringify(name));
  t.equal(await repository.commit('test', signal), one, 'a person may name a branch');
  t.equal(await repository.nameOf('test', signal), one, 'which is written down as the commit that it is now');
  git('tag', 'v2', two);
  t.equal(await repository.nameOf('v2', signal), 'v2');
  t.same(await repository.between(one, two, signal), [two]);
  await t.rejects(repository.between(two, one, signal), { code: 'bad-request', message: /is not on the way/ });
  await t.rejects(Repository.open({ folder: '/' }, signal), { code: 'bad-request', message: /git reads no repository in \// });
});

test('a file that is there and that git cannot give is unknown, and not taken for one that came or went', async (t) => {
  const { commit, git } = await repositoryIn(t.testdir());
  const resource = (type: string, name: string) => `resource "${type}" "${name}" {\n}\n`;
  const none = await commit({ 'README.md': '1' });
  const role = await commit({ 'infra/main.tf': resource('aws_iam_role', 'a') });
  const group = await commit({ 'infra/main.tf': resource('aws_security_group', 'a') });
  const gone = await commit({ 'infra/main.tf': null });
  const repository = await Repository.open({ folder: t.testdirName }, signal);
  const touches = async (from: string, to: string) =>
    ((await diffSince(repository, from, to, signal)).touched ?? []).map(({ touch }) => touch).sort();
  t.same(await touches(none, group), ['network'], 'it came');
  t.same(await touches(group, gone), ['network'], 'it went');
  t.same(await touches(role, group), ['network', 'permissions']);

  // As in a partial clone whose other end does not answer.
  const blob = git('rev-parse', `${role}:infra/main.tf`);
  await rm(join(t.testdirName, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
  t.same(await touches(role, group), ['unknown'], 'before');
  t.same(await touches(group, role), ['unknown'], 'after');
  t.same(await touches(none, role), ['unknown']);
  t.same(await touches(role, gone), ['unknown']);
  t.same(await touches(none, group), ['network'], 'of what can be had it is known as before');
});

test('a commit is laid out beside what is checked out, which stays as it is also in a git hook, where the environment names it', async (t) => {
  const { commit, git } = await repositoryIn(t.testdir());
  const one = await commit({ a: '1' });
  await commit({ a: '2' });
  await writeFile(join(t.testdirName, 'a'), 'not committed');
  git('add', 'a');
  const state = () => [git('symbolic-ref', 'HEAD'), git('status', '--porcelain'), git('ls-files', '--stage'), git('config', '--list')];
  const before = state();

  const hook = {
    GIT_DIR: join(t.testdirName, '.git'),
    GIT_WORK_TREE: t.testdirName,
    GIT_INDEX_FILE: join(t.testdirName, '.git', 'index'),
    GIT_PREFIX: '',
  };
  t.teardown(() => {
    for (const name of Object.keys(hook)) delete process.env[name];
  });
  Object.assign(process.env, hook);
  const repository = await Repository.open({ folder: t.testdirName }, signal);
  const into = join(await mkdtemp(join(tmpdir(), 'haldane-laid-out-')), 'one');
  t.teardown(() => rm(dirname(into), { recursive: true }));
  await repository.checkOut(one, into, signal);
  t.equal(await readFile(join(into, 'a'), 'utf8'), '1');
  t.match(await gitRevision(into, signal), { commit: one, dirty: null });
  t.same(state(), before);
});

test('what a path says, and where only its text can tell', (t) => {
  const rows: Readonly<Record<string, ReturnType<typeof touchOfPath>>> = {
    'src/auth.ts': 'code',
    LICENSE: null,
    'docs/guide.md': null,
    'docs/openapi.json': 'read',
    'src/guard.test.ts': null,
    'src/test/guard.py': null,
    'src/latest/guard.py': 'code',
    'lib/contest/x.js': 'code',
    'go.sum': 'dependencies',
    'requirements-prod.txt': 'dependencies',
    'notes.txt': 'unknown',
    'deploy/Dockerfile.alpine': 'build',
    '.github/workflows/deploy.yml': 'build',
    'db/migrations/0001.ts': 'data',
    'config/production.json': 'configuration',
    '.env.production': 'configuration',
    'k8s/policy.yaml': 'read',
    'terraform/main.tf': 'read',
    'vendor/module': 'unknown',
    'bin/keys.pem': 'unknown',
    README: 'unknown',
  };
  for (const [path, says] of Object.entries(rows)) t.equal(touchOfPath(path), says, path);
  t.end();
});

test('what a text says before and after, and that anything else is unknown', (t) => {
  const kind = (...names: string[]) => names.map((name) => `apiVersion: v1\nkind: ${name}\nmetadata: {}\n`).join('---\n');
  const iam = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}';
  const rows: readonly [path: string, before: string | null, after: string | null, touches: readonly Touch[] | null][] = [
    ['a.yaml', kind('NetworkPolicy'), kind('NetworkPolicy', 'Ingress'), ['network', 'routes']],
    ['a.yaml', null, `# a comment\n---\n${kind('RoleBinding')}`, ['permissions']],
    ['a.yaml', kind('NetworkPolicy'), kind('Mystery'), null],
    ['a.yaml', kind('NetworkPolicy'), 'name: x\n', null],
    ['a.yaml', 'spec:\n  kind: NetworkPolicy\n', null, null],
    ['a.yaml', 'openapi: 3.1.0\n', null, ['routes']],
    ['a.yml', 'groups:\n  - name: x\n    rules:\n      - alert: Y\n', null, ['detection']],
    ['policy.json', iam, iam.replace('*', 's3:*'), ['permissions']],
    ['a.json', iam, '{"Statement"', null],
    ['a.json', '[1]', '[2]', null],
    [
      'stack.json',
      null,
      '{"Resources":{"A":{"Type":"AWS::EC2::SecurityGroup"},"B":{"Type":"AWS::S3::Bucket"}}}',
      ['network', 'infrastructure'],
    ],
    [
      'main.tf',
      'resource "aws_iam_role" "a" {\n}\n',
      'resource "aws_iam_role" "a" {\n}\nvariable "x" {\n}\n',
      ['permissions', 'infrastructure'],
    ],
    ['main.tf', '', null, ['infrastructure']],
    ['package.json', '{"version":"1","dependencies":{"a":"1"}}', '{"version":"2","dependencies":{"a":"1"}}', []],
    ['package.json', '{"devDependencies":{"a":"1"}}', '{"devDependencies":{"a":"2"},"main":"x.js"}', ['build', 'code']],
    ['package.json', '{', '{}', null],
    ['package-lock.json', '{"lockfileVersion":1,"dependencies":{}}', '{"lockfileVersion":1,"dependencies":{"a":{}}}', null],
    ['gone.yaml', null, null, null],
  ];
  for (const [path, before, after, touches] of rows) {
    const seen = touchesOfText(path, before, after);
    t.same(seen === null ? null : seen.map(({ touch }) => touch), touches, `${path}: ${before} → ${after}`);
  }
  t.end();
});

test('a bare clone is read like a checkout', async (t) => {
  const folder = t.testdir({ work: {}, bare: {} });
  const { commit, git } = await repositoryIn(join(folder, 'work'));
  const first = await commit({ 'src/app.ts': '1', 'other/app.ts': '1' });
  const second = await commit({ 'src/app.ts': '2', 'other/app.ts': '2' });
  git('clone', '-q', '--bare', join(folder, 'work'), join(folder, 'bare', 'payments.git'));
  const repository = await Repository.open({ folder: join(folder, 'bare', 'payments.git'), paths: ['src'] }, signal);
  t.equal(await repository.commit('HEAD', signal), second);
  t.same(await repository.changed(first, second, signal), [{ path: 'src/app.ts', before: true, after: true }]);
  t.equal(await repository.text(first, 'src/app.ts', signal), '1');
});
