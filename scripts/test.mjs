// Runs every test through turbo and tap, then prints one plain closing line: N passed, N failed, N skipped.
import { spawn } from 'node:child_process';

const files = process.argv.slice(2);
const command = files.length > 0 ? ['npx', ['tap', ...files]] : ['npx', ['turbo', 'run', 'test:once', '--output-logs=full']];
const child = spawn(command[0], command[1], {
  stdio: ['inherit', 'pipe', 'inherit'],
  env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
});
const totals = { total: 0, pass: 0, fail: 0, skip: 0, todo: 0 };
let rest = '';
child.stdout.setEncoding('utf8');
child.stdout.on('data', (text) => {
  process.stdout.write(text);
  rest += text;
  const lines = rest.split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const found = /# \{ (total: \d+[^}]*) \}\s*$/.exec(line);
    if (!found) continue;
    for (const [, key, count] of found[1].matchAll(/(\w+): (\d+)/g)) if (key in totals) totals[key] += Number(count);
  }
});
child.on('close', (code) => {
  const skipped = totals.skip + totals.todo;
  // In a lane that exists to run these tests, a skipped one is a failure.
  const missing = process.env.FAIL_ON_SKIP === '1' ? skipped : 0;
  const failed = totals.fail + missing + (code !== 0 && totals.fail === 0 ? 1 : 0) + (totals.total === 0 ? 1 : 0);
  process.stdout.write(`\n${totals.pass} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exitCode = failed > 0 ? 1 : 0;
});
