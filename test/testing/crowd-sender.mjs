// Open-loop load: Poisson arrivals at RATE a second on each of TARGETS, each from one of USERS users drawn by lot, whether or not
// earlier answers have come. Every user brings the sticky key that the router knows him by. Ends with its input and says what came of it.
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';

const { TARGETS = '', RATE, USERS, TOKEN } = process.env;
const agent = new Agent({ keepAlive: true });
const counts = { sent: 0, ok: 0, failed: 0, lost: 0 };
const ended = () => counts.ok + counts.failed + counts.lost === counts.sent;
let stopped = false;

const keyOf = (target, user) => createHash('sha256').update(`${target} ${user}`).digest('hex').slice(0, 32);

const count = (outcome) => {
  counts[outcome] += 1;
  if (!stopped || !ended()) return;
  process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(0));
};

const send = (target) => {
  const cookie = `haldane_key=${keyOf(target, Math.floor(Math.random() * Number(USERS)))}`;
  counts.sent += 1;
  let outcome = 'lost';
  request(new URL('/me', target), { agent, headers: { authorization: `Bearer ${TOKEN}`, cookie } }, (answer) => {
    answer
      .on('error', () => undefined)
      .on('end', () => {
        outcome = answer.statusCode === 200 ? 'ok' : 'failed';
      });
    answer.resume();
  })
    .on('error', () => undefined)
    // Comes once and last, after a good end and after a break alike.
    .once('close', () => count(outcome))
    .end();
};

for (const target of TARGETS.split(' ')) {
  // The due moments are drawn ahead of the clock: a timer that comes late sends what is due, and the rate holds.
  let due = performance.now();
  const next = () => {
    if (stopped) return;
    for (; due <= performance.now(); due += (-Math.log(1 - Math.random()) * 1000) / Number(RATE)) send(target);
    setTimeout(next, Math.max(1, due - performance.now()));
  };
  next();
}
process.stdout.write('{"ready":true}\n');
process.stdin.resume().once('end', () => {
  stopped = true;
  if (ended()) process.stdout.write(`${JSON.stringify(counts)}\n`, () => process.exit(0));
});
