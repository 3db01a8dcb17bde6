import { Agent } from 'undici';
import type { LoadConfig } from './config.ts';
import { seededRandom } from './seeded-random.ts';
import { type Summary, Tally } from './tally.ts';
import { TokenSource } from './token-source.ts';
import { User } from './user.ts';

/** Who is told how it goes. */
export interface LoadObserver {
  /** All users have arrived: the first request goes out now. */
  begun(): void;
  /** What was sent, and what was answered, in one second. */
  second(second: Second): void;
}

export type Second = Summary & { readonly at: string };
export type Final = Summary & {
  readonly summary: true;
  readonly seconds: number;
  readonly users: number;
  readonly usersWithCookies: number;
};

/**
 * Open loop: a request is sent when it is due, whatever became of those before it, so a slow service cannot slow the load down and hide
 * behind it. The observer gets each second's count, and the promise gives the whole when `stop` aborts or the time is over, after the
 * last answer. Nothing is sent twice: a request without an answer is lost, and counted so.
 */
export async function generateLoad(config: LoadConfig, observer: LoadObserver, stop: AbortSignal): Promise<Final> {
  const agent = new Agent({ connections: 256, pipelining: 1, headersTimeout: 15_000, bodyTimeout: 15_000, connectTimeout: 5000 });
  const tokens = new TokenSource(config.tokenUrl, config.clients, agent);
  const random = seededRandom(config.seed);
  const users = Array.from({ length: config.users }, (_, at) => new User(`user-${at + 1}`, tokens));
  await arriveAll(users, stop);
  const whole = new Tally();
  let second = new Tally();
  const inFlight = new Set<Promise<void>>();

  const sendOne = (due: number) => {
    const user = users[Math.floor(random() * users.length)];
    const pays = random() < 0.1;
    if (user === undefined) return;
    for (const tally of [whole, second]) tally.sent();
    const sent = user.send(agent, config.url, pays, due).then(
      ({ status, latencyMs, why }) => {
        for (const tally of [whole, second]) tally.outcome(status, latencyMs, why);
      },
      () => {
        for (const tally of [whole, second]) tally.withoutToken();
      },
    );
    const done = sent.finally(() => inFlight.delete(done));
    inFlight.add(done);
  };

  observer.begun();
  const begun = performance.now();
  const reporter = setInterval(() => {
    const closed = second;
    second = new Tally();
    observer.second({ at: new Date().toISOString(), ...closed.summary() });
  }, 1000);
  await paced(config.rate, config.seconds, stop, sendOne);
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  await Promise.all(inFlight);
  clearInterval(reporter);
  await agent.close();
  return {
    summary: true,
    seconds,
    users: users.length,
    usersWithCookies: users.filter(({ jar }) => jar.size > 0).length,
    ...whole.summary(),
  };
}

/** Lets every user get a token before the clock starts, a few at a time, so that no request waits for one. A failure is met again in `send`. */
async function arriveAll(users: readonly User[], stop: AbortSignal): Promise<void> {
  const waiting = [...users];
  const lane = async () => {
    for (let user = waiting.pop(); user !== undefined && !stop.aborted; user = waiting.pop()) await user.arrive().catch(() => undefined);
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

/** Calls `each` with the moment that it was due, `rate` times a second, until the time is over (0: never) or `stop` aborts. */
function paced(rate: number, seconds: number, stop: AbortSignal, each: (due: number) => void): Promise<void> {
  const begun = performance.now();
  const last = seconds === 0 ? Number.POSITIVE_INFINITY : rate * seconds;
  return new Promise((resolve) => {
    let next = 0;
    const timer = setInterval(() => {
      const due = Math.min(last, ((performance.now() - begun) / 1000) * rate);
      for (; next < due && !stop.aborted; next += 1) each(begun + (next / rate) * 1000);
      if (next < last && !stop.aborted) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}
