// `npm test [FILE or FOLDER...]`: builds, runs each test file as a process of its own, some at a time, and prints what each says, what took
// longest, and one plain closing line: N passed, N failed, N skipped.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { compiledName, compileTests, everyTest } from './compile-tests.mjs';

const named = process.argv.slice(2).map((name) => relative('.', name));
const every = await everyTest();
const nothing = named.find((name) => !every.some((file) => file.startsWith(name)));
if (nothing !== undefined) {
  console.error(`there is no test ${nothing}`);
  process.exit(1);
}
if (spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0) process.exit(1);
await compileTests();

// What a machine may need that is busy with much else, not what a file takes.
const usualSeconds = 240;
/** Beyond its own bound a file that cannot end itself any more is ended. */
const graceSeconds = 30;
// Many tests wait for other processes, which leaves room for one more than there are processors.
const atOnce = Number(process.env.TEST_JOBS ?? availableParallelism() + 1);
const totals = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 };
const times = [];
const running = new Set();
const end = (child, signal) => {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is gone already.
  }
};
for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    for (const child of running) end(child, signal);
    process.exitCode = 1;
    waiting.length = 0;
  });

const waiting = every.filter((file) => named.length === 0 || named.some((name) => file.startsWith(name)));
/** What is good for a few files costs too much for many, and the other way round. */
const areMany = waiting.length > 8;
// What fails in one file is shown by the lines of its source. Over all files that takes half a minute of the processor.
const maps = areMany ? [] : ['--enable-source-maps'];
// A few files make their databases for themselves, as each does that is run alone.
const databases = areMany ? await prepareDatabases() : null;
const works = Array.from({ length: Math.min(atOnce, waiting.length) }, async () => {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file);
});
await Promise.all(works);
await databases?.remove();

async function prepareDatabases() {
  const { prepareTestDatabases } = await import('../packages/store/dist/testing/start-test-database.js');
  return prepareTestDatabases();
}

async function run(file) {
  const began = performance.now();
  // The shell knows what the file, and all that it waited for, took of the processor.
  const words = ['-c', '"$@"; code=$?; times >&3; exit $code', 'sh', process.execPath, ...maps, compiledName(file)];
  const prepared = databases === null ? {} : { TEST_DATABASES: databases.folder };
  const env = { ...process.env, ...prepared, TAP: '1', TAP_TIMEOUT: `${usualSeconds}` };
  const child = spawn('/bin/sh', words, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env, detached: true });
  running.add(child);
  let said = '';
  let spent = '';
  let bound = setTimeout(end, 1000 * (usualSeconds + graceSeconds), child, 'SIGKILL');
  const hear = (text) => {
    said += text;
    const asked = /^# timeout=(\d+)$/m.exec(text);
    if (asked === null) return;
    clearTimeout(bound);
    bound = setTimeout(end, Number(asked[1]) + 1000 * graceSeconds, child, 'SIGKILL');
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  child.stdio[3].setEncoding('utf8').on('data', (text) => {
    spent += text;
  });
  const [code] = await once(child, 'close');
  clearTimeout(bound);
  running.delete(child);

  const summary = /^# \{ (total: \d+.*) \}$/m.exec(said)?.[1] ?? '';
  for (const [, key, count] of summary.matchAll(/(\w+): (\d+)/g)) totals[key] += Number(count);
  if (code !== 0 && !summary.includes('fail:')) totals.fail += 1;
  // Two lines, of the shell itself and of what it waited for: user and system, like 0m1.50s.
  const [, , user = 0, system = 0] = [...spent.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, seconds]) => 60 * minutes + Number(seconds));
  const seconds = (performance.now() - began) / 1000;
  times.push({ file, seconds, cpu: user + system });
  process.stdout.write(`# ${file}\n${said}${code === 0 ? 'ok' : 'not ok'} - ${file} # ${seconds.toFixed(1)} s\n\n`);
}

if (times.length > 1) {
  const sum = (key) => times.reduce((all, one) => all + one[key], 0).toFixed(0);
  process.stdout.write(
    `# ${times.length} files took ${sum('seconds')} s and ${sum('cpu')} s of the processor; most of it, in this order:\n`,
  );
  for (const { file, seconds, cpu } of times.sort((a, b) => b.seconds - a.seconds).slice(0, 25))
    process.stdout.write(`# ${seconds.toFixed(1).padStart(7)} ${cpu.toFixed(1).padStart(7)}  ${file}\n`);
}
const skipped = totals.skip + totals.todo;
// In a lane that exists to run these tests, a skipped one is a failure.
const failed = totals.fail + (process.env.FAIL_ON_SKIP === '1' ? skipped : 0) + (totals.total === 0 ? 1 : 0);
process.stdout.write(`\n${totals.pass} passed, ${failed} failed, ${skipped} skipped\n`);
if (failed > 0) process.exitCode = 1;
